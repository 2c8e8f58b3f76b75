"""One command on many nodes at once: a row for each of them, whatever became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from nightshift.errors import NightshiftError, Permanent, Retryable
from nightshift_ssh.command import Command, Result
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.pool import Pool

CREW = 32
# A worker that has been at one node for so long no longer counts as one of the crew.
PATIENCE_SECONDS = 0.5
MOST_WORKERS = 256  # a Lambda has 1,024 threads; a connection needs one more than its worker


@dataclass(frozen=True)
class Row:
    """What became of one node: exactly one of ``result`` and ``error`` is there; ``seconds`` it took."""

    address: Address
    result: Result | None
    error: NightshiftError | None
    seconds: float


def run_all(
    pool: Pool, addresses: Sequence[Address], command: Command, seconds: float, crew: int = CREW
) -> list[Row]:
    """Run ``command`` on every address, ``crew`` at a time; a row for each, in their order.

    Never raises for a node's sake, and answers within ``seconds``: a node that has not answered by then has
    the error ``ssh.total_deadline``. Nodes that hang do not hold up the others: their workers are replaced.
    """
    fan_out = _FanOut(pool, addresses, command, Deadline.after(seconds), crew)
    return fan_out.run()


class _FanOut:
    def __init__(
        self, pool: Pool, addresses: Sequence[Address], command: Command, ends: Deadline, crew: int
    ) -> None:
        self._pool = pool
        self._addresses = addresses
        self._command = command
        self._ends = ends
        self._crew = crew
        self._rows: dict[int, Row] = {}
        self._begun: dict[int, float] = {}  # by the row's index, while a worker is at it
        self._next = 0
        self._workers = 0
        self._changed = threading.Condition()

    def run(self) -> list[Row]:
        with self._changed:
            while len(self._rows) < len(self._addresses) and not self._ends.over:
                self._reinforce()
                self._changed.wait(min(PATIENCE_SECONDS, self._ends.left))
            self._next = len(self._addresses)  # no worker begins anything now
            rows = dict(self._rows)
        return [rows.get(index) or self._missing(index) for index in range(len(self._addresses))]

    def _reinforce(self) -> None:
        """Start workers for what waits, as many as the crew lacks."""
        waiting = len(self._addresses) - self._next
        since = time.monotonic() - PATIENCE_SECONDS
        stuck = sum(begun < since for begun in self._begun.values())
        lacking = self._crew - (self._workers - stuck)
        for _ in range(min(waiting, lacking, MOST_WORKERS - self._workers)):
            self._workers += 1
            # Daemons: one that hangs (in a name's lookup) must not keep the process from ending.
            threading.Thread(target=self._work, name="nightshift-ssh", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._next >= len(self._addresses):
                    self._workers -= 1
                    return
                index = self._next
                self._next += 1
                self._begun[index] = time.monotonic()
            row = self._one(self._addresses[index])
            with self._changed:
                del self._begun[index]
                self._rows[index] = row
                if len(self._rows) == len(self._addresses):
                    self._changed.notify_all()

    def _one(self, address: Address) -> Row:
        began = time.monotonic()
        result, error = None, None
        try:
            result = self._pool.run(address, self._command, self._ends)
        except NightshiftError as failure:
            error = _late(address) if failure.recoverable and self._ends.over else failure
        except Exception as failure:  # noqa: BLE001 - whatever it is, the other nodes keep their rows
            error = Permanent(
                "ssh.unexpected", f"{address}: {type(failure).__name__}: {failure}", host=address
            )
        return Row(address, result, error, time.monotonic() - began)

    def _missing(self, index: int) -> Row:
        begun = self._begun.get(index)
        spent = time.monotonic() - begun if begun else 0.0
        return Row(self._addresses[index], None, _late(self._addresses[index]), spent)


def _late(address: Address) -> Retryable:
    return Retryable(
        "ssh.total_deadline", f"{address} was not done when the time for all nodes was over", host=address
    )
