"""Instants: aware, UTC, written as ``2026-11-23T03:00:00.000Z`` so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from nightshift.errors import Refused


def now() -> datetime:
    """The present instant, in UTC, cut to milliseconds (what is written is what was compared)."""
    return truncated(datetime.now(UTC))


def truncated(moment: datetime) -> datetime:
    """``moment`` in UTC without anything finer than a millisecond."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """``moment`` as text; the one format in tables, events and the journal."""
    return truncated(moment).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parse(text: str) -> datetime:
    """Read an instant as AWS and Nightshift write it (``Z``, ``+00:00`` or ``+0000``).

    Raises Refused ``time.unreadable`` for anything else, and for a time without a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused("time.unreadable", f"{text!r} is not an ISO-8601 instant") from error
    if moment.tzinfo is None:
        raise Refused("time.unreadable", f"{text!r} has no time zone")
    return truncated(moment)


def seconds(amount: int) -> timedelta:
    """``amount`` seconds as a timedelta."""
    return timedelta(seconds=amount)
