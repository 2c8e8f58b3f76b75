"""Have a node replaced by its Auto Scaling group; the step waits until its successor serves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes
from nightshift.aws import auto_scaling, evidence
from nightshift.aws.commands import Invocation
from nightshift.aws.intents import Ordered
from nightshift.aws.stores import Stores
from nightshift.decisions import health
from nightshift.entry import entry
from nightshift.errors import Conflict, NightshiftError, Refused
from nightshift.incident import Incident
from nightshift.settings import Settings

logger = Logger()
ACTOR = "replace_node"


class Environment(Settings):
    """The tables to read and to write, and the bus."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    inspections_table: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Terminate the node in its group; ``welcome_node`` and ``resume_step`` answer the task token."""
    order = envelopes.read(Ordered, event)
    replace(order, clock.now())
    return {"step_id": order.step_id}


def replace(order: Ordered, now: datetime) -> None:
    """Intent, then act. A group that must not be touched is the step's result, not the machine's failure.

    Neither is one that stays busy to the last try.
    """
    stores = Stores.of(Environment)
    incident = stores.incidents.get(order.incident_id)
    node = stores.nodes.get(incident.node_id)
    if node is None:
        raise Refused("node.unknown", f"{order.incident_id} is about no node of the inventory")
    if stores.steps.get(order.step_id) is None:
        _look(incident, now)
    step = stores.intents.record(order, now, ACTOR, successor=True)
    try:
        stands = auto_scaling.stands(node.auto_scaling_group, step.node_id)
        if stands:
            # No fence goes with this call: whoever was slow since the intent must not make it.
            stores.intents.confirm(step, clock.now())
            auto_scaling.terminate(node.auto_scaling_group, step.node_id)
    except Conflict:
        raise
    except NightshiftError as error:
        if error.recoverable and not order.last_try:
            raise
        logger.warning("the node is not replaced", code=error.code, reason=error.message)
        stores.groups.expect_no_replacement(node.group, step.node_id)
        stores.outcomes(ACTOR).conclude(step, Invocation.not_begun(error), now)
        return
    logger.info("node terminated" if stands else "node had left already", node_id=step.node_id)


def _look(incident: Incident, now: datetime) -> None:
    """Minutes may lie between admission and intent (draining, a last look); Conflict when it got well."""
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    healing = policy.healing_of(incident.group)
    known = policy.symptoms_of(incident.symptoms)
    since = now - clock.seconds(healing.stale_seconds)
    samples = evidence.samples(stores.inspections, known, incident.node_id, since, now) if known else {}
    gone = health.gone(health.readings(known, samples, now, healing))
    if gone:
        raise Conflict("intent.not_admitted", f"nothing was done: the symptom went away late: {gone}")
