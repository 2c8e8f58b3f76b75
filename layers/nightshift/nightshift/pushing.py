"""What nodes push: how a request is signed, and what travels from the door to whoever reads it.

The signature is Standard Webhooks' (https://www.standardwebhooks.com): HMAC-SHA256 by the node's own key
over ``<id>.<timestamp>.<body>``, in base64 behind ``v1,``. The body is the probe's lines, oldest first. A
line does not say whose it is: a request speaks for the node whose key signed it, and for no other.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from nightshift import clock
from nightshift.errors import Refused
from nightshift.events import Instant

LARGEST = 160 * 1024  # bytes of a body: with its escapes it must fit into one message of 256 KiB
MOST_LINES = 60
TOLERANCE = timedelta(minutes=5)  # between the node's clock and ours
NODE, ID, TIMESTAMP, SIGNATURE = (
    "nightshift-node",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
)
_NODE = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
_ID = re.compile(r"[A-Za-z0-9_-]{16,64}")
_PURPOSE = b"nightshift samples 1 "


class Package(BaseModel):
    """The lines of one request, whose they are, and when they left (the node's clock) and came (ours)."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    node_id: str
    message_id: str
    sent_at: Instant
    received_at: Instant
    lines: tuple[str, ...]


def is_node(node_id: str) -> bool:
    """Whether a text could be a node's id."""
    return _NODE.fullmatch(node_id) is not None


def node_key(master: str, node_id: str) -> bytes:
    """A node's key of 32 bytes: HKDF-Expand (RFC 5869, SHA-256, one block) with the node's id in its info.

    Whoever has one node's key can compute neither the master nor another node's.
    """
    return hmac.digest(master.encode(), _PURPOSE + node_id.encode() + b"\x01", "sha256")


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """What the header ``webhook-signature`` says."""
    mac = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(mac).decode()}"


def verify(headers: Mapping[str, str], body: bytes, masters: Sequence[str], now: datetime) -> Package:
    """The package of a genuine request; header names in lower case.

    What is cheap is asked first: size, shape, time, and only then the signature, by every master that counts.
    Raises Refused ``push.too_big``, ``push.unreadable``, ``push.stale`` or ``push.forged``.
    """
    if len(body) > LARGEST:
        raise Refused("push.too_big", f"{len(body)} bytes; {LARGEST} are allowed")
    node_id, message_id, timestamp = (headers.get(name, "") for name in (NODE, ID, TIMESTAMP))
    if not (is_node(node_id) and _ID.fullmatch(message_id) and re.fullmatch(r"\d{10}", timestamp)):
        raise Refused("push.unreadable", f"{NODE}, {ID} or {TIMESTAMP} is missing, or not as agreed")
    sent_at = datetime.fromtimestamp(int(timestamp), UTC)
    if abs(now - sent_at) > TOLERANCE:
        raise Refused("push.stale", f"{node_id} signed at {clock.iso(sent_at)}: is its clock right?")
    given = headers.get(SIGNATURE, "").encode()
    expected = [signature(node_key(one, node_id), message_id, timestamp, body) for one in masters]
    # All of them are compared: which one it was shows in no duration.
    if not sum(hmac.compare_digest(given, one.encode()) for one in expected):
        raise Refused("push.forged", f"the signature is not that of {node_id}")
    return Package(
        node_id=node_id,
        message_id=message_id,
        sent_at=clock.iso(sent_at),
        received_at=clock.iso(now),
        lines=_lines(body),
    )


def _lines(body: bytes) -> tuple[str, ...]:
    """The lines of a body; one that is cut or wrong stays, and becomes a row that says so."""
    lines = tuple(filter(None, (line.strip() for line in body.decode(errors="replace").split("\n"))))
    if len(lines) > MOST_LINES:
        raise Refused("push.too_big", f"{len(lines)} lines; {MOST_LINES} are allowed")
    if not any(line.startswith("{") for line in lines):
        raise Refused("push.unreadable", "no line of the body is the probe's")
    return lines
