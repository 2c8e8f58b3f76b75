"""The taken pushes table: the id of every request that was taken, until no replay of it could be fresh."""

from __future__ import annotations

import uuid
from datetime import timedelta

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict, Refused
from nightshift.pushing import TOLERANCE, Package

MARGIN = timedelta(minutes=5)  # the clocks of two processes of ours are never this far apart


def claim(table: str, package: Package) -> None:
    """Take a request for good, in one write, before anything comes of it; whichever process sees it again.

    The write names who made it, so that the SDK's own second try of it is no replay.
    Raises Refused ``push.replayed``.
    """
    name = f"{package.node_id}/{package.message_id}"
    stale_at = clock.parse(package.sent_at) + TOLERANCE + MARGIN
    write = tables.update(
        "push",
        table,
        {"push_id": name},
        "SET taken_by = :us, expires_at = :end",
        {":us": uuid.uuid4().hex, ":end": int(stale_at.timestamp())},
        condition="attribute_not_exists(push_id) OR taken_by = :us",
    )
    try:
        tables.write(write)
    except Conflict as error:
        raise Refused("push.replayed", f"{name} was taken before") from error
