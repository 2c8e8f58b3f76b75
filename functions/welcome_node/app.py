"""A fresh node came up in a group: put it into the inventory, watch it, and give it the group's release."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes
from nightshift.aws import artifacts, commands, instances, metrics, tables
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.envelopes import InstanceChange
from nightshift.errors import Retryable
from nightshift.fleet import GroupState, Lease, Node
from nightshift.incident import Step
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.settings import Settings

logger = Logger()
ACTOR = "welcome_node"
DOCUMENT = "Nightshift-InstallRelease"


class Environment(Settings):
    """The tables, the bucket, and how the node alarms are called."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    artifacts_bucket: str
    alarm_prefix: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Welcome the node of one queued launch event.

    A node whose agent is not online yet raises Retryable, so that the queue delivers the event
    again, and after its last try keeps it in the DLQ.
    """
    (record,) = event["Records"]
    launch = envelopes.read(InstanceChange, json.loads(record["body"])).detail
    _, policy = Stores.of(Environment).policies.current()
    group = policy.group_of(launch.auto_scaling_group)
    if group is None:
        logger.info("not a group of the policy", auto_scaling_group=launch.auto_scaling_group)
        return {"node_id": launch.instance_id, "welcomed": False}
    welcome(launch.instance_id, group, policy, clock.now())
    return {"node_id": launch.instance_id, "welcomed": True}


def welcome(node_id: str, group: str, policy: Policy, now: datetime) -> None:
    """Each part may run twice: a redelivered event finds what is done and does the rest."""
    nodes, groups = Stores.of(Environment).nodes, Stores.of(Environment).groups
    settings = policy.groups[group]
    node = Node(
        node_id=node_id,
        name=instances.name_of(node_id),
        app=settings.app,
        group=group,
        auto_scaling_group=settings.auto_scaling_group,
        registered_at=clock.iso(now),
    )
    groups.ensure(group, settings.app, settings.auto_scaling_group)
    nodes.register(node)
    known = nodes.get(node_id) or node
    state = groups.get(group)
    if known.state != "pending" or state is None:
        return
    answers = known.answers or _succeed(known, state, now)
    metrics.put_alarms(Environment.current().alarm_prefix, node_id, policy.symptoms)
    _install(known, state, policy, answers, now)


def _succeed(node: Node, group: GroupState, now: datetime) -> str:
    """Take the place of a node that is being replaced: its incident, attempts and lease come along.

    Returns the step that waits for this; empty when none does.
    """
    incidents = Stores.of(Environment).incidents
    nodes, groups = Stores.of(Environment).nodes, Stores.of(Environment).groups
    for old, step_id in sorted(group.replacements.items()):
        step, before = Stores.of(Environment).steps.get(step_id), nodes.get(old)
        if step is None or before is None:
            continue
        incident = incidents.get(step.incident_id)
        held = group.leases.get(old)
        lease = Lease(
            incident_id=incident.incident_id,
            fence=incident.fence,
            expires_at=held.expires_at if held else clock.iso(now),
        )
        reason = f"{node.name} ({node.node_id}) takes the place of {before.name} ({old})"
        note = Note("succeeded", ACTOR, "replaced", reason, {"old": old, "new": node.node_id})
        attempts = [attempt.model_dump() for attempt in before.attempts]
        incidents.record(
            incident,
            now,
            note,
            groups.claim_replacement(group.group, old, node.node_id, step_id, lease),
            nodes.change(node.node_id, replaces=old, answers=step_id, attempts=attempts),
            nodes.change(old, state="terminated", replaced_by=node.node_id),
            incidents.point(node.node_id, incident.incident_id, {}),
            node_id=node.node_id,
        )
        return step_id
    return ""


def _install(node: Node, group: GroupState, policy: Policy, answers: str, now: datetime) -> None:
    """Send the group's desired release; a group that desires none has nothing to install."""
    release = group.desired_release
    if release is None:
        raise Retryable("release.none", f"{group.group} desires no release yet; {node.name} stays pending")
    steps = Stores.of(Environment).steps
    step = Step(
        step_id=f"welcome-{node.node_id}-{release.version}",
        node_id=node.node_id,
        remedy="install_release",
        fence=group.fence,
        answers=answers,
        version=release.version,
        intended_at=clock.iso(now),
    )
    if steps.get(step.step_id) is None:
        tables.transact([steps.intend(step, now)])
    parameters = {
        "StepId": step.step_id,
        "Fence": str(step.fence),
        "Service": policy.groups[group.group].service,
        "Version": release.version,
        "Url": artifacts.link(Environment.current().artifacts_bucket, release.key),
        "Sha256": release.sha256,
        "Size": str(release.size),
        "Mode": "install",
        **policy.install_of(group.group).parameters(),
    }
    command_id = commands.send(DOCUMENT, node.node_id, parameters, f"nightshift {step.step_id}")
    logger.info("release sent", node_id=node.node_id, version=release.version, command_id=command_id)
    end = steps.sent(command_id, step.step_id, node.node_id, now)
    if end.complete:
        Stores.of(Environment).outcomes(ACTOR).conclude(
            step, commands.invocation(command_id, node.node_id), clock.now()
        )
