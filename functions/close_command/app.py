"""End a command: nothing of it is left open, and who must hear of it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.envelopes import ExecutionEnded
from nightshift.events import CommandCompleted, traceparent
from nightshift.fleet_command import UNFINISHED, FleetCommand, Row, State
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "close_command"
MOST_TOLD = 10  # nodes that a page names


class Environment(Settings):
    """The command's table, the journal and the bus."""

    bus_name: str
    commands_table: str
    journal_table: str


class Request(BaseModel):
    """Which command, and why no other node begins; empty when none is left."""

    command_id: str
    reason: str = ""


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Close by the machine's word, or by a dead machine's status event."""
    if event.get("source") == "aws.states":
        ended = envelopes.read(ExecutionEnded, event).detail
        request = Request(command_id=ended.name, reason=ended.reason)
    else:
        request = envelopes.read(Request, event)
    closed = close(request, clock.now())
    return {"command_id": closed.command_id, "state": closed.state}


def close(request: Request, now: datetime) -> FleetCommand:
    """Close once; a repeated call only publishes again."""
    stores = Stores.of(Environment)
    rows = stores.commands.rows(request.command_id)
    left = [_end(row, request.reason, now) for row in rows if row.status in UNFINISHED]
    stores.commands.save(left, now)
    rows = [*(row for row in rows if row.status not in UNFINISHED), *left]
    counts = Counter(row.status for row in rows)

    def change(command: FleetCommand) -> tuple[Note, Mapping[str, object]] | None:
        if command.is_over:
            return None
        state, reason = _state(command, counts, request.reason)
        values = {"state": state, "reason": reason, "counts": dict(counts), "closed_at": clock.iso(now)}
        return Note("closed", ACTOR, state, reason, {"counts": dict(counts)}), values

    closed = stores.commands.amend(request.command_id, now, change)
    stores.bus.publish(_event(closed, rows))
    logger.info("closed", command_id=closed.command_id, state=closed.state, reason=closed.reason)
    return closed


def _end(row: Row, reason: str, now: datetime) -> Row:
    """A node that was never begun stays untouched; of one that was, nobody knows."""
    if row.status == "Pending":
        return row.model_copy(update={"status": "Terminated", "reason": f"not begun: {reason}"})
    lost = f"{reason}; whether the command took effect there is unknown".removeprefix("; ")
    return row.model_copy(update={"status": "Failed", "reason": lost, "ended_at": clock.iso(now)})


def _state(command: FleetCommand, counts: Counter[Any], reason: str) -> tuple[State, str]:
    good = counts["Success"]
    told = f"{good} of {command.nodes} nodes succeeded" + (f"; {reason}" if reason else "")
    if good == command.nodes:
        return "Success", told
    return ("Cancelled" if command.stop_requested else "Failed"), told


def _event(command: FleetCommand, rows: list[Row]) -> CommandCompleted:
    alerted = sorted((row for row in rows if row.alert), key=lambda row: (row.alert, row.name))
    return CommandCompleted(
        occurred_at=command.closed_at or command.created_at,
        traceparent=traceparent(command.command_id, command.state),
        command_id=command.command_id,
        by=command.by,
        state=command.state,
        nodes=command.nodes,
        succeeded=command.counts.get("Success", 0),
        reason=command.reason,
        alert=", ".join(dict.fromkeys(row.alert for row in alerted)),
        alerted=tuple(f"  {row.name}: {row.reason[:400]}" for row in alerted[:MOST_TOLD]),
    )
