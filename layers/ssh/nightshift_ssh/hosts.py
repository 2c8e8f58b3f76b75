"""Host keys: known_hosts is read and indexed once, and a key that is not in it is refused."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass, field

from nightshift.errors import Refused

FIELDS = 3  # names, kind, key; a comment may follow
LENGTH = 4  # a blob begins with the length of its kind
STANDARD_PORT = 22
MENTIONED = 3  # unreadable lines in one error


@dataclass(frozen=True)
class HostKey:
    """A public host key: its kind (``ssh-ed25519``) and its bytes as SSH sends them."""

    kind: str
    blob: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """As ``ssh-keygen -l`` prints it."""
        digest = base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")
        return f"SHA256:{digest} ({self.kind})"


@dataclass(frozen=True)
class _Hashed:
    salt: bytes
    digest: bytes
    key: HostKey

    def names(self, name: str) -> bool:
        return hmac.compare_digest(hmac.digest(self.salt, name.encode(), "sha1"), self.digest)


@dataclass(frozen=True)
class Unreadable:
    """A line of known_hosts that is not believed, and why."""

    number: int
    reason: str
    names: frozenset[str] = field(repr=False)
    revokes: bool = False

    def __str__(self) -> str:
        return f"known_hosts line {self.number}: {self.reason}"

    def may_revoke(self, name: str) -> bool:
        """Whether a key of this host might be one that the line says must not be believed."""
        return self.revokes and (name in self.names or any(set(one) & set("*?|") for one in self.names))


class KnownHosts:
    """The keys that are believed, by host; immutable after ``parse``, and shared by all threads.

    ``unreadable`` are the lines that could not be read. Nothing is believed because of one: it concerns the
    hosts that it names, and whoever is not listed is told of it.
    """

    def __init__(self) -> None:
        self._plain: defaultdict[str, list[HostKey]] = defaultdict(list)
        self._hashed: list[_Hashed] = []
        self._revoked: set[bytes] = set()
        self.unreadable: list[Unreadable] = []

    @classmethod
    def parse(cls, text: str) -> KnownHosts:
        """Read a known_hosts file: plain and hashed names, ``[name]:port``, ``@revoked``.

        Patterns and certificate authorities are unreadable as well: what is believed is written out.
        """
        hosts = cls()
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            marker = words.pop(0) if words[0].startswith("@") else ""
            names = frozenset(words[0].lower().split(",")) if words else frozenset("*")
            try:
                hosts._add(marker, words)
            except ValueError as error:
                revokes = marker not in {"", "@cert-authority"}
                hosts.unreadable.append(Unreadable(number, str(error), names, revokes))
        return hosts

    def _add(self, marker: str, words: list[str]) -> None:
        if marker not in {"", "@revoked"}:
            raise ValueError(f"{marker} is not supported; write each host's own key")
        if len(words) < FIELDS:
            raise ValueError(f"{len(words)} fields; expected names, kind and key")
        key = _key(words[1], words[2])
        if marker:
            self._revoked.add(key.blob)
        elif words[0].startswith("|"):
            self._hashed.append(_hashed(words[0], key))
        else:
            for name in _names(words[0]):
                self._plain[name].append(key)

    def keys(self, host: str, port: int) -> list[HostKey]:
        """Every key that is believed for this host and port, in the file's order."""
        name = _name(host, port)
        return [*self._plain.get(name, ()), *(one.key for one in self._hashed if one.names(name))]

    def check(self, host: str, port: int, offered: HostKey) -> None:
        """Believe ``offered``, or raise Refused with its fingerprint and those that are known.

        ``ssh.host_key_unknown``: known_hosts has no key for the host. ``ssh.host_key_changed``: it has
        another. ``ssh.host_key_revoked``: it says that this very key must not be believed.
        ``ssh.known_hosts_unreadable``: the only line that names the host cannot be read, or one that might
        revoke its key.
        """
        known = self.keys(host, port)
        prints = ", ".join(key.fingerprint for key in known) or "none"
        facts = {"host": host, "port": port, "offered": offered.fingerprint, "known": prints}
        told = f"{host}:{port} offers {offered.fingerprint}, known: {prints}"
        if offered.blob in self._revoked:
            raise Refused("ssh.host_key_revoked", f"{told}; known_hosts revokes the offered key", **facts)
        for line in self.unreadable:
            name = _name(host, port)
            if line.may_revoke(name) or (not known and name in line.names):
                raise Refused("ssh.known_hosts_unreadable", f"{told}; {line}", line=line.number, **facts)
        if not known:
            raise Refused("ssh.host_key_unknown", f"{told}{self._doubt()}", **facts)
        if all(offered.blob != key.blob for key in known):
            raise Refused("ssh.host_key_changed", f"{told}{self._doubt()}", **facts)

    def _doubt(self) -> str:
        """What an operator should know who is sure that the key was written down."""
        told = "".join(f"; {line}" for line in self.unreadable[:MENTIONED])
        return told + ("; and more" if len(self.unreadable) > MENTIONED else "")


def _name(host: str, port: int) -> str:
    return (host if port == STANDARD_PORT else f"[{host}]:{port}").lower()


def _names(text: str) -> list[str]:
    names = text.lower().split(",")
    for name in names:
        if not name or name.startswith(("!", "|")) or "*" in name or "?" in name:
            raise ValueError(f"{name!r} is a pattern; write each host's name")
    return names


def _key(kind: str, text: str) -> HostKey:
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"the key is not base64: {error}") from error
    length = int.from_bytes(blob[:LENGTH], "big")
    inner = blob[LENGTH : LENGTH + length]
    if inner != kind.encode() or len(blob) <= LENGTH + length:
        raise ValueError(f"the key is no {kind} key")
    return HostKey(kind, blob)


def _hashed(name: str, key: HostKey) -> _Hashed:
    parts = name.split("|")[1:]
    if len(parts) != FIELDS or parts[0] != "1":
        raise ValueError(f"{name!r} is not a hashed name")
    try:
        return _Hashed(
            base64.b64decode(parts[1], validate=True), base64.b64decode(parts[2], validate=True), key
        )
    except binascii.Error as error:
        raise ValueError(f"{name!r} is not a hashed name: {error}") from error
