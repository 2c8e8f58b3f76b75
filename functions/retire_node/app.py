"""A node left its group: take it out of the inventory and stop watching it."""

from __future__ import annotations

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import envelopes
from nightshift.aws import metrics, tables
from nightshift.aws.fleet import Nodes
from nightshift.aws.policies import Policies
from nightshift.envelopes import InstanceChange
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The inventory, the policy, and how the node alarms are called."""

    nodes_table: str
    policies_table: str
    alarm_prefix: str


@cache
def environment() -> Environment:
    """Read once per execution environment."""
    return Environment.from_env()


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Mark the node terminated and delete its alarms; a node that is not in the inventory is not ours."""
    node_id = envelopes.read(InstanceChange, event).detail.instance_id
    nodes = Nodes(environment().nodes_table)
    if nodes.get(node_id) is None:
        logger.info("not in the inventory", node_id=node_id)
        return {"node_id": node_id, "retired": False}
    tables.write(nodes.change(node_id, state="terminated"))
    _, policy = Policies(environment().policies_table).current()
    metrics.delete_alarms(environment().alarm_prefix, node_id, policy.symptoms)
    return {"node_id": node_id, "retired": True}
