"""The deliveries table: which webhook was taken already, so that a replay is known."""

from __future__ import annotations

from nightshift.aws import tables
from nightshift.aws.tables import Write


class Deliveries:
    """One item per (what was told, who told it)."""

    def __init__(self, table: str) -> None:
        self._table = table

    def done(self, told: str, by: str) -> bool:
        """Whether it was taken already."""
        return tables.get(self._table, {"delivery_id": f"{told}#{by}"}) is not None

    def remember(self, told: str, by: str, at: str, expires_at: int) -> Write:
        """The write that it was taken. ``expires_at`` in epoch seconds."""
        item = {"delivery_id": f"{told}#{by}", "delivered_at": at, "expires_at": expires_at}
        return tables.put("delivery", self._table, item)
