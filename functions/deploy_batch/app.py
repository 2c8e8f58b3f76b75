"""Bring the release to the nodes of one batch: lease them, record the intent, send the document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, targets, traffic
from nightshift.aws import artifacts
from nightshift.aws.stores import Stores
from nightshift.deployment import DEPLOY, Deployment, Touched
from nightshift.entry import entry
from nightshift.errors import Conflict, Refused
from nightshift.fleet import Lease, Release
from nightshift.incident import Step
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.ports import Order
from nightshift.settings import Settings

logger = Logger()
ACTOR = "deploy_batch"
AT_ONCE = 25  # nodes of one transaction, which may hold a hundred writes


class Environment(Settings):
    """The tables, and where releases are."""

    deployments_table: str
    journal_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    artifacts_bucket: str


class Request(BaseModel):
    """The nodes to touch next."""

    deployment_id: str
    batch: tuple[str, ...]


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer when to look again: soon, for what was sent; and why, when a node is somebody else's now."""
    request, now = envelopes.read(Request, event), clock.now()
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    deployment = stores.deployments.get(request.deployment_id)
    following, batch = "LookAgain", request.batch[:AT_ONCE]
    try:
        following, reason = deploy(deployment, batch, policy, now)
    except Conflict as lost:
        reason = f"waits: {lost.message}"
    app = policy.apps.get(deployment.app)
    poll = app.strategy.poll_seconds if app else 5
    logger.info("batch", deployment_id=request.deployment_id, reason=reason)
    until = clock.iso(clock.now() + clock.seconds(poll))
    answer = {"deployment_id": request.deployment_id, "next": following, "batch": list(batch)}
    return {**answer, "until": until, "reason": reason}


def deploy(deployment: Deployment, batch: tuple[str, ...], policy: Policy, now: datetime) -> tuple[str, str]:
    """Intent, then act; the machine's next state, and why.

    When we died between, nodes are sent to again, which run a known step once. Nothing is sent while the
    traffic of a node still drains.
    """
    release = deployment.release
    if release is None or not batch:
        raise Refused(
            "deployment.not_planned", f"{deployment.deployment_id} has no release, or no node to touch"
        )
    fresh = tuple(node for node in batch if node not in deployment.nodes)
    if fresh:
        deployment = _intend(deployment, fresh, release, policy, now)
    known = Stores.of(Environment).steps
    unheard = [one for node, one in deployment.nodes.items() if node in batch and not one.acted_at]
    waiting = [step for one in unheard if (step := known.get(one.step_id))]
    nodes = [step.node_id for step in waiting]
    draining = traffic.of(policy.groups[deployment.group]).leave(nodes) if nodes else ()
    if draining:
        return "WaitForTraffic", f"{len(draining)} nodes still answer requests: {', '.join(draining)}"
    for step in waiting:
        _bring(step, release, deployment, policy, now)
    return "LookAgain", f"sent to {len(nodes)} nodes: {', '.join(nodes)}"


def _intend(
    deployment: Deployment, nodes: tuple[str, ...], release: Release, policy: Policy, now: datetime
) -> Deployment:
    """All of it or nothing: not paused, our turn, every node's lease, every step, the journal."""
    stores, at = Stores.of(Environment), clock.iso(now)
    group = stores.groups.get(deployment.group)
    if group is None:
        raise Refused("deployment.unknown_app", f"there is no group {deployment.group}")
    fence = group.fence + 1
    seconds = policy.apps[deployment.app].strategy.deadline_seconds
    expires = clock.iso(now + clock.seconds(seconds))
    lease = Lease(incident_id=deployment.deployment_id, fence=fence, expires_at=expires)
    steps = [
        Step(
            step_id=f"{deployment.deployment_id}-{node}",
            deployment_id=deployment.deployment_id,
            node_id=node,
            remedy=DEPLOY,
            fence=fence,
            version=release.version,
            intended_at=at,
        )
        for node in nodes
    ]
    touched = {one.node_id: Touched(step_id=one.step_id, started_at=at) for one in steps}
    # A rollback is not held by a pause: it brings nodes to a safe state.
    pause = [] if deployment.kind == "rollback" else [stores.groups.not_paused()]
    reason = f"{release.version} on {len(nodes)} nodes: {', '.join(nodes)}"
    return stores.deployments.record(
        deployment,
        now,
        Note("intent", ACTOR, "act", reason, {"fence": fence, "nodes": list(nodes)}),
        *(stores.steps.intend(step, now) for step in steps),
        *pause,
        stores.turns.hold(
            group, nodes, lease, at, drained=policy.groups[deployment.group].traffic is not None
        ),
        nodes=deployment.nodes | touched,
        fence=fence,
    )


def _bring(step: Step, release: Release, deployment: Deployment, policy: Policy, now: datetime) -> None:
    """What is over at once is concluded here; else whoever hears of its end does."""
    stores, settings = Stores.of(Environment), policy.groups[deployment.group]
    # The release that can be gone back to stays on the node.
    way_back = deployment.previous.version if deployment.previous else ""
    order = Order(
        step,
        release,
        url=artifacts.link(Environment.current().artifacts_bucket, release.key),
        service=settings.service,
        settings=policy.install_of(deployment.group).parameters(way_back),
    )
    ended = targets.of(settings, stores).bring(order, now)
    if ended:
        logger.info("over at once", node_id=step.node_id, status=ended.status)
        stores.deployments.conclude(step, ended, clock.now(), ACTOR)
        stores.steps.settled(step.step_id)
