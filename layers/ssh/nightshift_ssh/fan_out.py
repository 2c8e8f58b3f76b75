"""One command on many nodes at once: a row for each of them, whatever became of it."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from nightshift.errors import NightshiftError, Permanent, Retryable
from nightshift_ssh.command import Command, Result
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.exchange import Exchange
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


@dataclass(frozen=True)
class _Running:
    """What the fan-out itself has begun, and since when."""

    exchange: Exchange
    since: float


class _FanOut:
    """Warm nodes are taken step by step by the caller's thread, which waits for none; workers do others."""

    def __init__(
        self, pool: Pool, addresses: Sequence[Address], command: Command, ends: Deadline, crew: int
    ) -> None:
        self._pool = pool
        self._addresses = addresses
        self._command = command
        self._ends = ends
        self._crew = crew
        self._next = 0
        self._rows: dict[int, Row] = {}  # by the address's index, as all that follows
        self._running: dict[int, _Running] = {}
        self._told: SimpleQueue[tuple[int, Row | None]] = SimpleQueue()  # no row: one that was begun is done
        self._lock = threading.Lock()  # for what workers change
        self._waiting: deque[int] = deque()
        self._working: dict[int, float] = {}  # since when
        self._workers = 0

    def run(self) -> list[Row]:
        while len(self._rows) < len(self._addresses) and not self._ends.over:
            self._reinforce()
            self._begin()
            self._hear()
        self._stop()
        return [self._rows.get(index) or self._missing(index) for index in range(len(self._addresses))]

    def _busy(self) -> int:
        """How many of the crew's places are taken: whoever is stuck no longer takes one."""
        since = time.monotonic() - PATIENCE_SECONDS
        with self._lock:
            stuck = sum(begun < since for begun in self._working.values())
        return self._workers - stuck + sum(one.since >= since for one in self._running.values())

    def _reinforce(self) -> None:
        """Start workers for what waits, as many as the crew lacks."""
        if not self._waiting:
            return
        for _ in range(min(len(self._waiting), self._crew - self._busy(), MOST_WORKERS - self._workers)):
            with self._lock:
                self._workers += 1
            _start(self._work)

    def _begin(self) -> None:
        """Begin warm nodes while there are places; let those that may take a wait do so."""
        free = self._crew - self._busy()
        while free > 0 and self._next < len(self._addresses):
            index, self._next = self._next, self._next + 1
            self._begin_one(index)
            free -= index in self._running
        self._reinforce()

    def _begin_one(self, index: int) -> None:
        address, since = self._addresses[index], time.monotonic()
        try:
            then = partial(self._told.put, (index, None))
            exchange = self._pool.begin(address, self._command, self._ends, then)
        except Exception as failure:  # noqa: BLE001 - as in _row
            self._rows[index] = self._failed(address, failure, since)
            return
        if exchange:
            self._running[index] = _Running(exchange, since)
        else:
            with self._lock:
                self._waiting.append(index)

    def _hear(self) -> None:
        """Take in who is done; wait for somebody when nobody is."""
        try:
            told = self._told.get(timeout=self._patience())
            while True:
                self._take(*told)
                told = self._told.get_nowait()
        except Empty:
            for index in [index for index, one in self._running.items() if one.exchange.ends.over]:
                self._leave(index)

    def _take(self, index: int, row: Row | None) -> None:
        if row:
            self._rows[index] = row
        elif index in self._running and self._running[index].exchange.go_on():
            if self._running[index].exchange.well:
                self._rows[index] = self._settled(index, self._running.pop(index))
            else:
                self._leave(index)

    def _patience(self) -> float:
        if len(self._rows) == len(self._addresses):
            return 0
        ends = min((one.exchange.ends.at for one in self._running.values()), default=self._ends.at)
        return min(PATIENCE_SECONDS, Deadline(min(ends, self._ends.at)).left)

    def _leave(self, index: int) -> None:
        """Settle what did not go well in a thread of its own: closing its shell may take a wait."""
        one = self._running.pop(index)
        with self._lock:
            self._working[index] = one.since
            self._workers += 1

        def settle() -> None:
            row = self._settled(index, one)
            with self._lock:
                del self._working[index]
                self._workers -= 1
            self._told.put((index, row))

        _start(settle)

    def _stop(self) -> None:
        """Nothing is begun now; what still runs is given up, one after the other, by a thread of its own."""
        with self._lock:
            self._waiting.clear()
        left = list(self._running.items())
        if left:
            _start(lambda: [self._settled(index, one) for index, one in left])

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._workers -= 1
                    return
                index = self._waiting.popleft()
                since = self._working[index] = time.monotonic()
            row = self._row(index, since, partial(self._run, index))
            with self._lock:
                del self._working[index]
            self._told.put((index, row))

    def _run(self, index: int) -> Result:
        return self._pool.run(self._addresses[index], self._command, self._ends)

    def _settled(self, index: int, one: _Running) -> Row:
        return self._row(index, one.since, partial(self._pool.settle, one.exchange, self._ends))

    def _row(self, index: int, since: float, act: Callable[[], Result]) -> Row:
        address = self._addresses[index]
        try:
            return Row(address, act(), None, time.monotonic() - since)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the other nodes keep their rows
            return self._failed(address, failure, since)

    def _failed(self, address: Address, failure: Exception, since: float) -> Row:
        if not isinstance(failure, NightshiftError):
            told = f"{address}: {type(failure).__name__}: {failure}"
            failure = Permanent("ssh.unexpected", told, host=address)
        elif failure.recoverable and self._ends.over:
            failure = _late(address)
        return Row(address, None, failure, time.monotonic() - since)

    def _missing(self, index: int) -> Row:
        one = self._running.get(index)
        begun = one.since if one else self._working.get(index)
        spent = time.monotonic() - begun if begun else 0.0
        return Row(self._addresses[index], None, _late(self._addresses[index]), spent)


def _start(act: Callable[[], object]) -> None:
    # Daemons: one that hangs (in a name's lookup) must not keep the process from ending.
    threading.Thread(target=act, name="nightshift-ssh", daemon=True).start()


def _late(address: Address) -> Retryable:
    return Retryable(
        "ssh.total_deadline", f"{address} was not done when the time for all nodes was over", host=address
    )
