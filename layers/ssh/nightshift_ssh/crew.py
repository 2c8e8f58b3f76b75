"""Commands on nodes that are begun one by one, by somebody who decides meanwhile how many may run."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from nightshift.errors import NightshiftError, Permanent
from nightshift_ssh.command import Command, Result
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.pool import Pool

#: Errors that say for certain that the command was not begun, and may be over in a moment.
NOT_BEGUN = frozenset(
    {
        "ssh.unreachable",
        "ssh.connect_timeout",
        "ssh.handshake_failed",
        "ssh.channel_refused",
        "ssh.pool_full",
    }
)
TRIES = 3
PAUSE_SECONDS = 0.5  # before the second try; twice that before the third


@dataclass(frozen=True)
class Ended:
    """What became of one node: exactly one of ``result`` and ``error``.

    ``retried`` are the errors of the tries before, after which the command certainly had not begun.
    """

    key: str
    result: Result | None
    error: NightshiftError | None
    retried: tuple[NightshiftError, ...] = ()


class Crew:
    """A thread for every node that is begun; none of them holds up another, nor whoever asks."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ended: SimpleQueue[Ended] = SimpleQueue()

    def begin(self, key: str, address: Address, command: Command, seconds: float) -> None:
        """Run ``command`` on ``address``, all tries within ``seconds``; ``key`` comes back with its end."""
        # A daemon: one that hangs (in a name's lookup) must not keep the process from ending.
        work = threading.Thread(
            target=self._work, args=(key, address, command, Deadline.after(seconds)), daemon=True
        )
        work.start()

    def ended(self, seconds: float) -> list[Ended]:
        """Those that have ended since; waits up to ``seconds`` for the first."""
        found: list[Ended] = []
        try:
            found.append(self._ended.get(timeout=seconds) if seconds > 0 else self._ended.get_nowait())
            while True:
                found.append(self._ended.get_nowait())
        except Empty:
            return found

    def _work(self, key: str, address: Address, command: Command, ends: Deadline) -> None:
        retried: list[NightshiftError] = []
        while True:
            try:
                end = Ended(key, self._pool.run(address, command, ends), None, tuple(retried))
            except NightshiftError as error:
                if self._may_try_again(error, len(retried), ends):
                    retried.append(error)
                    time.sleep(PAUSE_SECONDS * len(retried))
                    continue
                end = Ended(key, None, error, tuple(retried))
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asks must hear of it
                told = f"{address}: {type(error).__name__}: {error}"
                end = Ended(key, None, Permanent("ssh.unexpected", told, host=address), tuple(retried))
            self._ended.put(end)
            return

    def _may_try_again(self, error: NightshiftError, tries: int, ends: Deadline) -> bool:
        return error.code in NOT_BEGUN and tries + 1 < TRIES and ends.left > PAUSE_SECONDS * (tries + 1)
