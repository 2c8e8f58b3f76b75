"""The deliveries table: which page went to which channel, so that a retry sends only what is missing."""

from __future__ import annotations

from nightshift.aws import tables
from nightshift.aws.tables import Write


class Deliveries:
    """One item per (page, channel) that was delivered."""

    def __init__(self, table: str) -> None:
        self._table = table

    def done(self, page: str, channel: str) -> bool:
        """Whether the page reached the channel already."""
        return tables.get(self._table, {"delivery_id": f"{page}#{channel}"}) is not None

    def remember(self, page: str, channel: str, at: str, expires_at: int) -> Write:
        """The write that the page reached the channel. ``expires_at`` in epoch seconds."""
        item = {"delivery_id": f"{page}#{channel}", "delivered_at": at, "expires_at": expires_at}
        return tables.put("delivery", self._table, item)
