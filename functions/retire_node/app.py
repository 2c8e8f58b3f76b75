"""A node left its group: take it out of the inventory and stop watching it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import envelopes
from nightshift.aws import metrics, tables
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.envelopes import InstanceChange
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The inventory, the policy, and how the node alarms are called."""

    nodes_table: str
    policies_table: str
    alarm_prefix: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Mark the node terminated and delete its alarms; a node that is not in the inventory is not ours."""
    node_id = envelopes.read(InstanceChange, event).detail.instance_id
    nodes = Stores.of(Environment).nodes
    if nodes.get(node_id) is None:
        logger.info("not in the inventory", node_id=node_id)
        return {"node_id": node_id, "retired": False}
    tables.write(nodes.change(node_id, state="terminated"))
    _, policy = Stores.of(Environment).policies.current()
    metrics.delete_alarms(Environment.current().alarm_prefix, node_id, policy.symptoms)
    return {"node_id": node_id, "retired": True}
