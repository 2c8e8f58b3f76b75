"""The steps table: the intent of each effect, the task token that waits for it, and what ended first.

A command's end and the note of who sent it may come in either order; both meet in one item, so that
whoever comes second sees the whole and answers the token. A step whose command was sent stands in a
sparse index until it is concluded, so that a sweep finds the ones whose command's end nobody heard of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.commands import DELIVERY_SECONDS
from nightshift.aws.tables import Write
from nightshift.incident import Step

KEPT = timedelta(days=30)  # long enough to answer any retry
SILENT_SECONDS = DELIVERY_SECONDS + 60  # delivered by then, or over for a minute, which is an event's time
_COMMAND = "command"  # what the steps in the index wait for


@dataclass(frozen=True)
class CommandEnd:
    """What is known of a command: who waits for it (``step_id``), on which node, and how it ended."""

    command_id: str
    step_id: str = ""
    node_id: str = ""
    status: str = ""

    @property
    def complete(self) -> bool:
        """Whether both halves are here."""
        return bool(self.step_id and self.status)


class Steps:
    """Every step of every incident."""

    def __init__(self, table: str) -> None:
        self._table = table

    def intend(self, step: Step, now: datetime) -> Write:
        """The write that records an intent; it loses to a known step."""
        return tables.put(
            "step",
            self._table,
            {**step.model_dump(exclude_none=True), "expires_at": _end(now)},
            unless="step_id",
        )

    def get(self, step_id: str) -> Step | None:
        """The step, read consistently."""
        item = tables.get(self._table, {"step_id": step_id})
        return Step.model_validate(item) if item else None

    def await_with(self, step_id: str, token: str) -> None:
        """A retried step waits on a new task token; the old one is dead."""
        tables.write(
            tables.update(
                "token",
                self._table,
                {"step_id": step_id},
                "SET #token = :token",
                {":token": token},
                names={"#token": "token"},
            )
        )

    def answered(self, step_id: str) -> None:
        """The step's token was answered, and nothing is awaited any more."""
        tables.write(
            tables.update(
                "answer",
                self._table,
                {"step_id": step_id},
                "SET answered = :yes REMOVE awaiting, due_at",
                {":yes": True},
            )
        )

    def settled(self, step_id: str) -> None:
        """A step that has no token of its own is concluded."""
        tables.write(tables.update("step", self._table, {"step_id": step_id}, "REMOVE awaiting, due_at", {}))

    def overdue(self, now: datetime) -> Iterator[Step]:
        """The steps whose command should have ended, or been heard of, by ``now``."""
        found = tables.pages(
            "query",
            TableName=self._table,
            IndexName="by_due",
            KeyConditionExpression="awaiting = :what AND due_at <= :now",
            ExpressionAttributeValues=tables.values({":what": _COMMAND, ":now": clock.iso(now)}),
        )
        for item in list(found):
            step = self.get(item["step_id"])  # the index may be behind
            if step and step.due_at:
                yield step

    def sent(self, command_id: str, step_id: str, node_id: str, now: datetime) -> CommandEnd:
        """Note which step sent a command; returns all that is known of it."""
        due = now + timedelta(seconds=SILENT_SECONDS)
        # Before the two halves can meet: whoever concludes the step takes it out of the index again.
        tables.write(
            tables.update(
                "step",
                self._table,
                {"step_id": step_id},
                "SET command_id = :command, awaiting = :what, due_at = :due",
                {":command": command_id, ":what": _COMMAND, ":due": clock.iso(due)},
                condition="attribute_exists(step_id)",
            )
        )
        return self._meet(
            command_id,
            "SET waiting_step = :step, node_id = :node, expires_at = :end",
            {":step": step_id, ":node": node_id, ":end": _end(now)},
        )

    def ended(self, command_id: str, status: str, now: datetime) -> CommandEnd:
        """Note how a command ended; returns all that is known of it."""
        return self._meet(
            command_id,
            "SET command_status = :status, expires_at = :end",
            {":status": status, ":end": _end(now)},
        )

    def _meet(self, command_id: str, expression: str, arguments: dict[str, object]) -> CommandEnd:
        item = tables.write(
            tables.update("command", self._table, {"step_id": f"command#{command_id}"}, expression, arguments)
        )
        return CommandEnd(
            command_id, item.get("waiting_step", ""), item.get("node_id", ""), item.get("command_status", "")
        )


def _end(now: datetime) -> int:
    """When the table may forget an item, in epoch seconds."""
    return int((now + KEPT).timestamp())
