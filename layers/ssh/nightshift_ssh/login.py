"""Whom to reach, and as whom."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import paramiko

from nightshift.errors import Refused
from nightshift_ssh.hosts import KnownHosts

DEFAULT_PORT = 22


@dataclass(frozen=True)
class Address:
    """An SSH server: ``host`` as known_hosts names it; ``via`` is the bastion that it is reached through."""

    host: str
    port: int = DEFAULT_PORT
    via: Address | None = None

    @classmethod
    def of(cls, host: str, port: int, hops: Sequence[str]) -> Address:
        """``hops`` are bastions as ``host port``, the nearest to the server first."""
        via = None
        for hop in reversed(hops):
            name, number = hop.split()
            via = cls(name, int(number), via)
        return cls(host, port, via)

    def __str__(self) -> str:
        through = f" via {self.via}" if self.via else ""
        return f"{self.host}:{self.port}{through}"


@dataclass(frozen=True)
class Credentials:
    """What the secret holds; ``repr`` shows the user only, so that no log line can show more."""

    user: str
    private_key_pem: str = field(repr=False)
    known_hosts_text: str = field(repr=False)


@dataclass(frozen=True)
class Login:
    """Credentials that were read once, to be shared by every connection and thread."""

    user: str
    key: paramiko.PKey = field(repr=False)
    hosts: KnownHosts = field(repr=False)

    @classmethod
    def of(cls, credentials: Credentials) -> Login:
        """Read the key and index the known hosts.

        Raises Refused ``ssh.key_unreadable`` for anything but an unencrypted ed25519 private key. A line of
        known_hosts that cannot be read is in ``hosts.unreadable``.
        """
        try:
            key = paramiko.Ed25519Key.from_private_key(io.StringIO(credentials.private_key_pem))
        except Exception as error:  # noqa: BLE001 - a torn key fails in many ways
            # Whatever the parser met, neither its words nor its frames may carry parts of the key.
            kind = type(error).__name__
            raise Refused(
                "ssh.key_unreadable",
                f"the private key of {credentials.user} is no unencrypted ed25519 key ({kind})",
                user=credentials.user,
            ) from None
        return cls(credentials.user, key, KnownHosts.parse(credentials.known_hosts_text))
