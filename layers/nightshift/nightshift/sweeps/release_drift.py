"""Nodes whose release differs from the one that their group was brought to.

A node may have missed a deployment, failed in one that could spare it, been launched while one ran, or been
changed by hand. Found: nodes in service whose recorded release is not the group's desired one. A node under a
lease is being worked on and left out; so is, while it is deployed to, the whole group.
Done: a sentence for each group, in each round until it is mended; and, where the policy deploys an app to the
group, one node at a time is brought to the group's release by a deployment of its own, with the same lease,
draining and verification: not while the group is paused, deployed to, healed or in a storm, never to a
release that failed there since, and three times at most for each node and release. Then a person is told.

It compares what Nightshift installed, not what runs on the node.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from nightshift import clock, targets
from nightshift.aws import executions, tables
from nightshift.aws.stores import Stores
from nightshift.decisions import convergence, maintenance, release_drift, rollback
from nightshift.decisions.convergence import ATTEMPTS
from nightshift.deployment import Deployment, convergence_of
from nightshift.errors import Conflict
from nightshift.fleet import GroupState, Node, Release
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.sweeps import Here

PERMISSIONS = (
    "autoscaling:DescribeAutoScalingGroups",
    "cloudwatch:GetMetricData",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "states:StartExecution",
)
ACTOR = "release_drift"


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """A sentence for each group with nodes that run something else, and what is done about it."""
    said = []
    _, policy = stores.policies.current()
    nodes = [node for node in stores.nodes.listing() if node.state == "in_service"]
    for name in policy.groups:
        group = stores.groups.get(name)
        found = release_drift.drifted(group, nodes, now) if group else []
        if group is None or group.desired_release is None or not found:
            continue
        serving = sum(node.group == name for node in nodes)
        sentence = release_drift.sentence(group, found, serving)
        done = _converge(stores, here, policy, group, group.desired_release, found, now)
        said.append(f"{sentence}; {done}" if done else sentence)
    return said


def _converge(
    stores: Stores,
    here: Here,
    policy: Policy,
    group: GroupState,
    release: Release,
    found: Sequence[Node],
    now: datetime,
) -> str:
    """Begin one deployment to one node; what was begun, or why nothing was."""
    app = policy.apps.get(group.app)
    if app is None or group.group not in app.groups:
        return ""
    releases = stores.releases.of_app(group.app)
    built = next((one for one in releases if one.version == release.version), None)
    units = targets.of(policy.groups[group.group], stores).look(policy, group, now)
    tried = {node.node_id: _tried(stores, group, node, release) for node in found}
    decided = convergence.next_one(
        group,
        found,
        {node: failed for node, (failed, _) in tried.items()},
        units,
        app.strategy,
        now,
        condemned=built is None or built.state_in(group.group) == "failed",
        paused=bool(stores.groups.pause() or maintenance.active(policy.maintenance, group.group, now)),
    )
    if decided.node is None:
        return decided.reason
    failed, number = tried[decided.node.node_id]
    good = rollback.last_good(releases, group.group, release.version)
    wanted = Deployment(
        deployment_id=_id(group, decided.node, release, number),
        app=group.app,
        group=group.group,
        kind="converge",
        last_attempt=failed + 1 >= ATTEMPTS,
        state="InProgress",
        by=ACTOR,
        release=release,
        previous=good.artifact if good else None,
        reason=decided.reason,
        batches=((decided.node.node_id,),),
        desired=units.desired,
        troubled_before=tuple(sorted(group.troubled)),
        created_at=clock.iso(now),
        planned_at=clock.iso(now),
    )
    return _begin(stores, here, wanted, now)


def _begin(stores: Stores, here: Here, wanted: Deployment, now: datetime) -> str:
    """With the group's turn, in one transaction; ``deployments_without_execution`` starts it if we die."""
    note = Note("opened", ACTOR, wanted.kind, wanted.reason, {"by": ACTOR})
    turn = stores.turns.take(wanted.group, wanted.deployment_id)
    try:
        tables.transact([*stores.deployments.creation(wanted, now, note), turn])
    except Conflict:
        return "somebody else was first"
    payload = {"deployment_id": wanted.deployment_id}
    executions.start(here.deploy_state_machine_arn, wanted.deployment_id, payload)
    return f"{wanted.reason}: {wanted.deployment_id}"


def _tried(stores: Stores, group: GroupState, node: Node, release: Release) -> tuple[int, int]:
    """How often a node was tried in vain for this release, and the number of the next attempt."""
    failed = 0
    for number in count(1):
        known = stores.deployments.find(_id(group, node, release, number))
        if known is None or failed >= ATTEMPTS:
            return failed, number
        failed += known.state != "Succeeded"
    raise AssertionError("unreachable: attempts are finite")


def _id(group: GroupState, node: Node, release: Release, number: int) -> str:
    return convergence_of(group.group, node.node_id, release.version, number, node.registered_at)
