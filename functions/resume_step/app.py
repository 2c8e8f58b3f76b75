"""A command ended: tell the step that waits for it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes
from nightshift.aws import commands
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.envelopes import CommandStatusChange
from nightshift.errors import Permanent
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The tables, the bus, and where diagnostics are kept."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    steps_table: str
    deployments_table: str
    artifacts_bucket: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Match a command's end with its step; if the sender has not noted it yet, the sender concludes."""
    command = envelopes.read(CommandStatusChange, event).detail
    if command.status not in commands.ENDED:
        return {"step_id": "", "status": command.status}
    steps, now = Stores.of(Environment).steps, clock.now()
    end = steps.ended(command.command_id, command.status, now)
    if not end.complete:
        logger.info("ended before its sender noted it", command_id=command.command_id)
        return {"step_id": "", "status": command.status}
    step = steps.get(end.step_id)
    if step is None:
        raise Permanent("step.unknown", f"command {command.command_id} belongs to no step {end.step_id}")
    result = commands.invocation(command.command_id, end.node_id)
    logger.info("step ended", step_id=step.step_id, status=result.status, output=result.output)
    if step.deployment_id:
        Stores.of(Environment).deployments.conclude(step, result, now, "resume_step")
        steps.settled(step.step_id)
    else:
        Stores.of(Environment).outcomes("resume_step").conclude(step, result, now)
    return {"step_id": step.step_id, "status": command.status}
