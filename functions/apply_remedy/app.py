"""Apply one remedy to one node: record the intent, send its document, and let the step wait."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, remedies
from nightshift.aws import artifacts, commands
from nightshift.aws.commands import Invocation
from nightshift.aws.intents import Ordered
from nightshift.aws.steps import CommandEnd, Steps
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import NightshiftError, Refused
from nightshift.incident import Step
from nightshift.settings import Settings

logger = Logger()
ACTOR = "apply_remedy"


class Environment(Settings):
    """The tables, the bus, and where releases are."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    artifacts_bucket: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send the remedy; the task token is answered when its command ends (or here, when it cannot begin)."""
    order = envelopes.read(Ordered, event)
    apply(order, clock.now())
    return {"step_id": order.step_id}


def apply(order: Ordered, now: datetime) -> None:
    """Intent, then act. A failure that no retry can mend is the step's result, not the machine's.

    Neither does an agent that stays away end the machine: the last try concludes the step, and the
    ladder goes on. Losing a race is no failure of the step, whichever try it is.
    """
    stores = Stores.of(Environment)
    outcomes, steps = stores.outcomes(ACTOR), stores.steps
    step = stores.intents.record(order, now, ACTOR)
    try:
        end = _send(step, steps, now)
    except NightshiftError as error:
        if error.recoverable and not order.last_try:
            raise
        logger.warning("the remedy cannot begin", code=error.code, reason=error.message)
        outcomes.conclude(step, Invocation.not_begun(error), now)
        return
    if end.complete:
        outcomes.conclude(step, commands.invocation(end.command_id, step.node_id), clock.now())


def _send(step: Step, steps: Steps, now: datetime) -> CommandEnd:
    remedy = remedies.load(step.remedy)
    parameters = {**remedy.parameters(_target(step)), "StepId": step.step_id, "Fence": str(step.fence)}
    command_id = commands.send(remedy.DOCUMENT, step.node_id, parameters, f"nightshift {step.step_id}")
    logger.info("command sent", command_id=command_id, node_id=step.node_id, document=remedy.DOCUMENT)
    return steps.sent(command_id, step.step_id, step.node_id, now)


def _target(step: Step) -> remedies.Target:
    """The node's service, and a short-lived link to the release that its group wants."""
    _, policy = Stores.of(Environment).policies.current()
    node = Stores.of(Environment).nodes.get(step.node_id)
    if node is None or node.group not in policy.groups:
        raise Refused("node.unknown", f"{step.node_id} belongs to no group of the policy")
    service = policy.groups[node.group].service
    group = Stores.of(Environment).groups.get(node.group)
    release = group.desired_release if group else None
    if release is None:
        return remedies.Target(node.node_id, service)
    url = artifacts.link(Environment.current().artifacts_bucket, release.key)
    install = policy.install_of(node.group).parameters() | {"Size": str(release.size)}
    return remedies.Target(node.node_id, service, release.version, url, release.sha256, install)
