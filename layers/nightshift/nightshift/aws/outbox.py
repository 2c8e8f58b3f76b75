"""The outbox: a page is stored before it is sent, and stays until everybody has it or nobody needs it.

One item in the deliveries table for each page (``page#KEY``), besides one for each delivery
(``KEY#CHANNEL``).
The sparse index ``by_due`` holds the pages that somebody still misses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.events import Instant
from nightshift.pages import Page
from nightshift.routing import Leg

KEPT = timedelta(days=90)
_UNSENT = "page"
_PREFIX = "page#"


class Entry(BaseModel):
    """One page on its way. ``about`` is the incident or deployment; nobody needs it after ``until``."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    page: Page
    legs: tuple[Leg, ...]
    about: str = ""
    until: Instant | None = None
    created_at: Instant
    rounds: int = 0
    failures: dict[str, int] = {}
    due_at: Instant | None = None


class Outbox:
    """Pages and their deliveries; reads are consistent, but for what is due."""

    def __init__(self, table: str) -> None:
        self._table = table

    def find(self, key: str) -> Entry | None:
        """The page of that key, or None."""
        item = tables.get(self._table, {"delivery_id": f"{_PREFIX}{key}"})
        return Entry.model_validate(item) if item else None

    def keep(
        self, page: Page, legs: Sequence[Leg], about: str, until: str | None, now: datetime, due: datetime
    ) -> Entry:
        """Store a page; what is stored already under its key stays, with the way that was chosen for it."""
        item: dict[str, Any] = {
            "delivery_id": f"{_PREFIX}{page.key}",
            "page": page.stored(),
            "legs": [
                {"channel": leg.channel, "otherwise": list(leg.otherwise), "reason": leg.reason}
                for leg in legs
            ],
            "about": about,
            "created_at": clock.iso(now),
            "rounds": 0,
            "failures": {},
            "unsent": _UNSENT,
            "due_at": clock.iso(due),
            "expires_at": int((now + KEPT).timestamp()),
        }
        if until:
            item["until"] = until
        with suppress(Conflict):
            tables.write(tables.put("page", self._table, item, unless="delivery_id"))
        return self.find(page.key) or Entry.model_validate(item)

    def delivered(self, key: str, channels: Sequence[str]) -> dict[str, str]:
        """The channels of those that have the page, each with its receipt."""
        keys = [{"delivery_id": f"{key}#{channel}"} for channel in channels]
        found = tables.several(self._table, keys)
        return {item["delivery_id"].removeprefix(f"{key}#"): item.get("receipt", "") for item in found}

    def remember(self, key: str, channel: str, receipt: str, now: datetime) -> Write:
        """The write that a channel has the page."""
        item = {
            "delivery_id": f"{key}#{channel}",
            "delivered_at": clock.iso(now),
            "expires_at": int((now + KEPT).timestamp()),
        }
        return tables.put("delivery", self._table, item | ({"receipt": receipt} if receipt else {}))

    def missed(self, key: str, failures: Mapping[str, int], rounds: int, due: datetime) -> None:
        """Somebody misses the page still; it is tried again when it is due."""
        self._update(
            key,
            "SET failures = :failures, rounds = :rounds, unsent = :unsent, due_at = :due",
            {":failures": dict(failures), ":rounds": rounds, ":unsent": _UNSENT, ":due": clock.iso(due)},
        )

    def settle(self, key: str, failures: Mapping[str, int]) -> None:
        """Everybody has the page, or nobody needs it any more; who failed is remembered."""
        self._update(key, "SET failures = :failures REMOVE unsent, due_at", {":failures": dict(failures)})

    def due(self, now: datetime) -> Iterator[str]:
        """The keys of pages that are to be tried again, the longest due first."""
        found = tables.pages(
            "query",
            TableName=self._table,
            IndexName="by_due",
            KeyConditionExpression="unsent = :what AND due_at <= :now",
            ExpressionAttributeValues=tables.values({":what": _UNSENT, ":now": clock.iso(now)}),
        )
        for item in found:
            yield item["delivery_id"].removeprefix(_PREFIX)

    def _update(self, key: str, expression: str, arguments: Mapping[str, object]) -> None:
        place = {"delivery_id": f"{_PREFIX}{key}"}
        condition = "attribute_exists(delivery_id)"
        with suppress(Conflict):  # the item has expired meanwhile
            tables.write(
                tables.update("page", self._table, place, expression, arguments, condition=condition)
            )
