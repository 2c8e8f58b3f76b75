"""Connections that outlive an invocation: reused while warm, closed when idle, replaced when broken."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from nightshift.errors import NightshiftError, Retryable
from nightshift_ssh.bastions import Bastions
from nightshift_ssh.command import Command, Result
from nightshift_ssh.connection import Connection
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.exchange import ByExec, Exchange, ThroughShell
from nightshift_ssh.login import Address, Login

# The one failure that says for certain that nothing was begun.
NOT_BEGUN = "ssh.channel_refused"


@dataclass(frozen=True)
class Limits:
    """What a pool keeps and how long it waits.

    Attributes:
        per_host: connections to one address; sshd serves ten sessions on one, but a Lambda needs no more.
        total: connections to all addresses; a bastion is one more, whatever goes through it.
        idle_seconds: one that was not used for so long is closed, at the next use of the pool.
        prove_seconds: one that was idle for so long, or has news that nobody has read, must answer before a
            command goes through its shell.
        connect_seconds: how long connecting may take, bastion included.
    """

    per_host: int = 2
    total: int = 256
    idle_seconds: float = 300.0
    prove_seconds: float = 15.0
    connect_seconds: float = 5.0


@dataclass(eq=False)
class _Idle:
    connection: Connection
    since: float


class Pool:
    """The connections of one login, shared by threads. ``clock`` answers seconds since the epoch.

    It owns no thread: a Lambda that is frozen between invocations would not run it anyway.
    """

    def __init__(
        self, login: Login, limits: Limits | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._limits = limits or Limits()
        # The wall clock: the monotonic one may stand still while a Lambda is frozen.
        self._clock = clock
        # By identity, the longest idle first; and by address: nothing searches them all.
        self._idle: dict[int, _Idle] = {}
        self._kept: dict[Address, list[_Idle]] = {}
        self._open: Counter[Address] = Counter()
        self._bastions = Bastions(login)
        self._changed = threading.Condition()

    def run(self, address: Address, command: Command, deadline: Deadline) -> Result:
        """Run one command on a warm connection, or on a fresh one.

        A kept connection that turns out to be broken is replaced once, as long as the command has certainly
        not begun. Raises Retryable ``ssh.pool_full``, and as ``connect`` and ``Connection.run`` do.
        """
        kept = self._take(address, deadline)
        connection = kept.connection if kept else None
        try:
            if kept and command.through_shell and not self._proven(kept, deadline):
                connection = None
            if connection is None:
                connection = self._connect(address, deadline)
            try:
                return connection.run(command, deadline)
            except NightshiftError as error:
                if kept is None or connection.alive or error.code != NOT_BEGUN:
                    raise
            connection = self._connect(address, deadline)
            return connection.run(command, deadline)
        finally:
            self._give_back(address, connection)

    def begin(
        self, address: Address, command: Command, deadline: Deadline, then: Callable[[], None]
    ) -> Exchange | None:
        """Begin a command on a warm connection, or answer None where that may take a wait: then ``run`` it.

        ``then`` is called, by another thread, whenever the exchange can go on; ``settle`` must follow in any
        case. Raises Retryable ``ssh.channel_refused``, ``ssh.connection_lost``.
        """
        if address.via:
            return None  # what a bastion's own connection may wait for is not known here
        with self._changed:
            self._drop_stale()
            kept = self._kept.get(address, [None])[-1]
            if kept is None or not kept.connection.ready(command):
                return None
            self._unkept(kept)
        try:
            if command.through_shell:
                return ThroughShell(kept.connection, command, deadline, then, proven=self._fresh(kept))
            return ByExec(kept.connection, command, deadline, then)
        except BaseException:
            self._give_back(address, kept.connection)
            raise

    def settle(self, exchange: Exchange, deadline: Deadline) -> Result:
        """What came of a command that was begun; raises and replaces a broken connection as ``run`` does.

        It waits for nothing when the exchange went well.
        """
        address = exchange.connection.address
        try:
            return exchange.result()
        except NightshiftError as error:
            if exchange.connection.alive or error.code != NOT_BEGUN:
                raise
        finally:
            self._give_back(address, exchange.connection)
        return self.run(address, exchange.command, deadline)

    def open(self, address: Address | None = None) -> int:
        """How many connections there are, being made or idle included: to ``address``, or to all."""
        with self._changed:
            return self._open[address] if address else self._open.total()

    def close(self) -> None:
        """Close what is idle, and bastions that nothing in use goes through."""
        with self._changed:
            while self._idle:
                self._drop(self._oldest())

    def _take(self, address: Address, deadline: Deadline) -> _Idle | None:
        """A kept connection, or the right to make one (None), which is counted already."""
        with self._changed:
            while True:
                self._drop_stale()
                kept = self._alive(address)
                if kept:
                    return kept
                if self._room(address):
                    self._open[address] += 1
                    return None
                if not self._changed.wait(deadline.left):
                    raise self._full(address)

    def _alive(self, address: Address) -> _Idle | None:
        """The kept connection that was used last; those that broke meanwhile are dropped."""
        while self._kept.get(address):
            kept = self._unkept(self._kept[address][-1])
            if kept.connection.alive:
                return kept
            self._drop(kept)
        return None

    def _oldest(self) -> _Idle:
        return self._unkept(next(iter(self._idle.values())))

    def _unkept(self, kept: _Idle) -> _Idle:
        del self._idle[id(kept)]
        address = kept.connection.address
        self._kept[address].remove(kept)
        if not self._kept[address]:
            del self._kept[address]
        return kept

    def _room(self, address: Address) -> bool:
        if self._open[address] >= self._limits.per_host:
            return False
        if self._open.total() >= self._limits.total and self._idle:
            self._drop(self._oldest())
        return self._open.total() < self._limits.total

    def _full(self, address: Address) -> Retryable:
        return Retryable(
            "ssh.pool_full",
            f"no connection to {address} in time: {self._open[address]} of {self._limits.per_host} to it and "
            f"{self._open.total()} of {self._limits.total} in all are in use",
            host=address,
        )

    def _drop_stale(self) -> None:
        oldest = self._clock() - self._limits.idle_seconds
        while self._idle and next(iter(self._idle.values())).since < oldest:
            self._drop(self._oldest())

    def _drop(self, kept: _Idle) -> None:
        kept.connection.close()
        self._uncount(kept.connection.address)

    def _uncount(self, address: Address) -> None:
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]
            if address.via:
                self._bastions.keep_for(self._open)

    def _fresh(self, kept: _Idle) -> bool:
        used_lately = self._clock() - kept.since < self._limits.prove_seconds
        return used_lately and kept.connection.alive and kept.connection.quiet

    def _proven(self, kept: _Idle, deadline: Deadline) -> bool:
        if self._fresh(kept):
            return True
        try:
            kept.connection.prove(deadline)
        except NightshiftError:
            return False
        return True

    def _connect(self, address: Address, deadline: Deadline) -> Connection:
        return self._bastions.connect(address, deadline.sooner(self._limits.connect_seconds))

    def _give_back(self, address: Address, connection: Connection | None) -> None:
        with self._changed:
            if connection and connection.alive:
                kept = _Idle(connection, self._clock())
                self._idle[id(kept)] = kept
                self._kept.setdefault(address, []).append(kept)
            else:
                if connection:
                    connection.close()
                self._uncount(address)
            self._changed.notify_all()
