"""The ports of the local stack: a base, and what follows from it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tools.local.fleet.ports import is_free

DEFAULT_BASE = 4566
VARIABLE = "NIGHTSHIFT_PORT"
GROUPS = 2  # one reverse proxy each
PLAIN = 2  # machines without an agent
LOWEST, HIGHEST = 1024, 65535 - 3 - GROUPS - PLAIN


class PortUnusable(Exception):
    """A port is taken, or NIGHTSHIFT_PORT is no port; the message says which."""


@dataclass(frozen=True)
class Ports:
    """All on 127.0.0.1: the cloud at ``base``, fleet, moto, a proxy per group, machines without an agent."""

    base: int

    @property
    def cloud(self) -> int:
        """The embedded cloud's endpoint."""
        return self.base

    @property
    def fleet(self) -> int:
        """The fleet server."""
        return self.base + 1

    @property
    def moto(self) -> int:
        """EC2 and Auto Scaling."""
        return self.base + 2

    @property
    def proxies(self) -> int:
        """The first group's reverse proxy."""
        return self.base + 3

    @property
    def plain(self) -> int:
        """The SSH server of the first machine without an agent."""
        return self.proxies + GROUPS

    @property
    def all(self) -> range:
        """Every port that must be free."""
        return range(self.base, self.plain + PLAIN)


def chosen() -> Ports:
    """The ports that NIGHTSHIFT_PORT asks for, or the usual ones; raises PortUnusable."""
    text = os.environ.get(VARIABLE) or str(DEFAULT_BASE)
    try:
        base = int(text)
    except ValueError:
        raise PortUnusable(f"{VARIABLE}={text} is not a number") from None
    if not LOWEST <= base <= HIGHEST:
        raise PortUnusable(f"{VARIABLE}={base} is not between {LOWEST} and {HIGHEST}")
    return Ports(base)


def require_free(ports: Ports) -> None:
    """Raises PortUnusable naming the first port that another program holds."""
    for port in ports.all:
        if not is_free(port):
            raise PortUnusable(f"port {port} on 127.0.0.1 is in use{_holder(port)}")


def _holder(port: int) -> str:
    """Who listens there, as far as this user may know."""
    import psutil

    try:
        for connection in psutil.net_connections("inet"):
            listens = connection.status == psutil.CONN_LISTEN and connection.pid
            if listens and getattr(connection.laddr, "port", None) == port:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""
