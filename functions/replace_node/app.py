"""Have a node replaced by its Auto Scaling group; the step waits until its successor serves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes
from nightshift.aws import auto_scaling
from nightshift.aws.commands import Invocation
from nightshift.aws.intents import Ordered
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import NightshiftError, Refused
from nightshift.settings import Settings

logger = Logger()
ACTOR = "replace_node"


class Environment(Settings):
    """The tables and the bus."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str


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
    node = stores.nodes.get(stores.incidents.get(order.incident_id).node_id)
    if node is None:
        raise Refused("node.unknown", f"{order.incident_id} is about no node of the inventory")
    step = stores.intents.record(order, now, ACTOR, successor=True)
    try:
        terminated = auto_scaling.terminate(node.auto_scaling_group, step.node_id)
    except NightshiftError as error:
        if error.recoverable and not order.last_try:
            raise
        logger.warning("the node is not replaced", code=error.code, reason=error.message)
        stores.groups.expect_no_replacement(node.group, step.node_id)
        stores.outcomes(ACTOR).conclude(step, Invocation.not_begun(error), now)
        return
    logger.info("node terminated" if terminated else "node had left already", node_id=step.node_id)
