"""Connections that others go through: one per bastion, made by whoever needs it first."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from nightshift.errors import Retryable
from nightshift_ssh.connection import Connection
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.handshake import connect
from nightshift_ssh.login import Address, Login


class Bastions:
    """The bastions of one login, shared by threads; each may itself be behind another."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._kept: dict[Address, Connection] = {}
        self._making: dict[Address, threading.Lock] = {}
        self._lock = threading.Lock()

    def connect(self, address: Address, ends: Deadline) -> Connection:
        """A connection to ``address``, through its bastion if it has one; raises as ``connect`` does.

        A kept bastion that turns out to be broken is replaced once.
        """
        if address.via is None:
            return connect(address, self._login, ends)
        bastion = self._get(address.via, ends)
        try:
            return connect(address, self._login, ends, bastion)
        except Retryable:
            if bastion.alive:
                raise
        return connect(address, self._login, ends, self._get(address.via, ends))

    def _get(self, address: Address, ends: Deadline) -> Connection:
        with self._lock:
            making = self._making.setdefault(address, threading.Lock())
        if not making.acquire(timeout=ends.left):
            raise Retryable("ssh.connect_timeout", f"the bastion {address} is not reached yet", host=address)
        try:
            kept = self._kept.get(address)
            if kept is None or not kept.alive:
                kept = self._kept[address] = self.connect(address, ends)
            return kept
        finally:
            making.release()

    def keep_for(self, addresses: Iterable[Address]) -> None:
        """Close the bastions that none of ``addresses`` goes through."""
        needed = set()
        for address in addresses:
            via = address.via
            while via:
                needed.add(via)
                via = via.via
        with self._lock:
            for unneeded in self._kept.keys() - needed:
                self._kept.pop(unneeded).close()

    def __len__(self) -> int:
        return len(self._kept)
