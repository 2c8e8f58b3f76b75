"""A person's command by Systems Manager: sent to fifty nodes at a time, looked at until all have ended."""

from __future__ import annotations

import base64
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nightshift import clock, fleet_command
from nightshift.aws import probes
from nightshift.aws.probes import Answer, UnknownNode
from nightshift.errors import Permanent, Retryable
from nightshift.fleet_command import STDERR_MARK, Order, Row, Status
from nightshift.passes import BATCH

FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.5, 3.0  # between looks at one command; they grow apart
LISTED_CHARACTERS = 2_500  # as much as a listing shows; there may be more
MOST_THROTTLES = 20
GRACE_SECONDS = 60  # beyond delivery and the command's own limit; then nobody waits for its end any more
_RUNNING = frozenset({"Pending", "InProgress", "Delayed", "Cancelling"})
#: Run Command's status details that are not named as they are here.
_STATUS: Mapping[str, Status] = {
    "Success": "Success",
    "ExecutionTimedOut": "ExecutionTimedOut",
    "TimedOut": "ExecutionTimedOut",
    "DeliveryTimedOut": "DeliveryTimedOut",
    "Undeliverable": "Undeliverable",
    "AccessDenied": "Undeliverable",
    "InvalidPlatform": "Undeliverable",
    "Terminated": "Undeliverable",
    "Cancelled": "Cancelled",
}


@dataclass
class _Sent:
    """One command of Run Command: who has not ended, and when it is looked at next (monotonic seconds)."""

    rows: dict[str, Row]
    give_up: float
    pause: float = field(default_factory=lambda: FIRST_LOOK_SECONDS)
    look_at: float = field(default_factory=lambda: time.monotonic() + FIRST_LOOK_SECONDS)


class BySsm:
    """Nodes with an agent. Nothing here waits longer than a call takes."""

    def __init__(self, document: str, command_id: str, order: Order) -> None:
        self._document, self._order = document, order
        self._comment = f"Nightshift run {command_id}"
        self._sent: dict[str, _Sent] = {}
        self._throttled = 0

    def begin(self, rows: Sequence[Row]) -> list[Row]:
        """Send to ``rows``; answers them as sent, as undeliverable, or as pending again when throttled."""
        done: list[Row] = []
        for start in range(0, len(rows), BATCH):
            done += self._begin(rows[start : start + BATCH])
        return done

    def _begin(self, rows: Sequence[Row]) -> list[Row]:
        try:
            return self._send(rows)
        except UnknownNode:
            online = probes.online([row.node_id for row in rows])
            away = [row for row in rows if row.node_id not in online]
            there = [row for row in rows if row.node_id in online]
            return [_over(row, "Undeliverable", "its agent is not online") for row in away] + self._later(
                there, "Run Command knows its agent and does not take it"
            )
        except Retryable as error:
            return self._later(rows, error.message)
        except Permanent as error:
            return [_over(row, "Undeliverable", error.message, alert=error.code) for row in rows]

    def _later(self, rows: Sequence[Row], reason: str) -> list[Row]:
        """They are begun in the next round, but not for ever."""
        self._throttled += 1
        if self._throttled < MOST_THROTTLES:
            return [_pending(row) for row in rows]
        return [_over(row, "Undeliverable", reason) for row in rows]

    def _send(self, rows: Sequence[Row]) -> list[Row]:
        line = base64.b64encode(shlex.join(self._order.argv).encode()).decode()
        parameters = {"Argv": line, "Seconds": str(self._order.seconds)}
        ids = [row.node_id for row in rows]
        sent = probes.send(self._document, ids, parameters, self._comment)
        self._throttled = 0
        known = [row.model_copy(update={"sent": sent}) for row in rows]
        self._await(sent, known)
        return known

    def _await(self, sent: str, rows: Sequence[Row]) -> None:
        patience = probes.DELIVERY_SECONDS + self._order.seconds + GRACE_SECONDS
        self._sent[sent] = _Sent({row.node_id: row for row in rows}, time.monotonic() + patience)

    def recover(self, rows: Sequence[Row], since: str) -> list[Row]:
        """Go on with rows that were in progress when an earlier function died.

        Those whose command it did not write down are looked for by the comment; what nobody sent is pending.
        """
        lost = {row.node_id: row for row in rows if not row.sent}
        back: list[Row] = []
        for sent in probes.sent(self._document, self._comment, since) if lost else ():
            found = [lost.pop(node_id) for node_id in probes.answers(sent)[1] if node_id in lost]
            back += [row.model_copy(update={"sent": sent}) for row in found]
        known = [*(row for row in rows if row.sent), *back]
        for sent in {row.sent for row in known}:
            self._await(sent, [row for row in known if row.sent == sent])
        return [*back, *(_pending(row) for row in lost.values())]

    @property
    def next_look(self) -> float | None:
        """Seconds until a look is due; None when nothing runs."""
        due = min((one.look_at for one in self._sent.values()), default=None)
        return None if due is None else max(0.0, due - time.monotonic())

    def ended(self) -> list[Row]:
        """Look at every command that is due; the rows that have ended since."""
        now, done = time.monotonic(), list[Row]()
        for sent, one in [(sent, one) for sent, one in self._sent.items() if one.look_at <= now]:
            done += self._look(sent, one, now)
            one.pause = min(LAST_LOOK_SECONDS, 1.5 * one.pause)
            one.look_at = time.monotonic() + one.pause
            if not one.rows:
                del self._sent[sent]
        return done

    def _look(self, sent: str, one: _Sent, now: float) -> Iterator[Row]:
        answers = probes.answers(sent, len(one.rows))[1]
        for node_id, row in list(one.rows.items()):
            answer = answers.get(node_id)
            if answer is not None and answer.status.replace(" ", "") not in _RUNNING:
                one.rows.pop(node_id)
                yield self._row(row, answer)
            elif now > one.give_up:
                one.rows.pop(node_id)
                yield _over(row, "ExecutionTimedOut", "Run Command never said how it ended there")

    def _row(self, row: Row, answer: Answer) -> Row:
        details = answer.status.replace(" ", "")
        stdout, _, stderr = answer.text.partition(STDERR_MARK)
        if len(answer.text) >= LISTED_CHARACTERS:
            stdout, stderr = probes.output(row.sent, row.node_id)
        status = _STATUS.get(details, "Failed")
        reason = "" if status == "Success" else answer.status
        if status == "Failed" and answer.code >= 0:
            reason = f"exit status {answer.code}"
        printed = {"stdout": fleet_command.cut(stdout), "stderr": fleet_command.cut(stderr)}
        code = answer.code if status in ("Success", "Failed") and answer.code >= 0 else None
        return _over(row, status, reason).model_copy(update={**printed, "exit_status": code})


def _over(row: Row, status: Status, reason: str, *, alert: str = "") -> Row:
    changes = {"status": status, "reason": reason, "alert": alert, "ended_at": clock.iso(clock.now())}
    return row.model_copy(update=changes)


def _pending(row: Row) -> Row:
    return row.model_copy(update={"status": "Pending", "began_at": None})
