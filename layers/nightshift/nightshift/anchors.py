"""Anchors: which entries of the journal stood at the end of an hour, kept where nobody can change them.

A chain's head stands beside its state, so that one cut tail shows. Whoever can write both tables could cut
both: an anchor is a copy of every head of one hour in a bucket of its own, under S3 Object Lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from nightshift import clock
from nightshift.journal import Entry, Verification

HOUR = timedelta(hours=1)
#: An entry is dated when its function began, and seen by an index a little later than it is written.
SETTLED = timedelta(minutes=5)
#: How far back missing anchors are made up for.
BACK = timedelta(days=7)


class Head(BaseModel):
    """The last entry of a chain in an hour."""

    model_config = ConfigDict(frozen=True)
    seq: int = Field(ge=1)
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


class Anchor(BaseModel):
    """The heads of all chains that grew within the hour (``2026-11-23T03``, UTC), by chain."""

    model_config = ConfigDict(frozen=True)
    hour: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d$")
    heads: dict[str, Head]


def hour_of(moment: str) -> str:
    """The hour that an instant, written as ``clock.iso`` does, belongs to."""
    return moment[:13]


def due(now: datetime, known: Iterable[str]) -> list[str]:
    """The hours whose anchors are missing, the oldest first; the running hour is never due.

    Nothing is made up before the first known anchor: there was nothing to anchor then.
    """
    have = set(known)
    last = now - SETTLED
    last = last.replace(minute=0, second=0, microsecond=0) - HOUR
    begin = max(min(have), hour_of(clock.iso(now - BACK))) if have else hour_of(clock.iso(last))
    hours, moment = [], last
    while hour_of(clock.iso(moment)) >= begin:
        hours.append(hour_of(clock.iso(moment)))
        moment -= HOUR
    return sorted(set(hours) - have)


def anchored(anchors: Iterable[Anchor]) -> dict[str, dict[str, Head]]:
    """What each chain's anchors remember, by hour."""
    found: dict[str, dict[str, Head]] = {}
    for anchor in anchors:
        for chain, head in anchor.heads.items():
            found.setdefault(chain, {})[anchor.hour] = head
    return found


def compare(verified: Verification, entries: list[Entry], heads: Mapping[str, Head]) -> Verification:
    """``verified``, unless an anchor of the chain remembers an entry that is gone or another one by now."""
    for hour, head in sorted(heads.items()):
        found = entries[head.seq - 1].hash if head.seq <= len(entries) else "gone"
        if verified.intact and found != head.hash:
            reason = f"entry {head.seq} is {found[:12]}; the anchor of {hour} remembers {head.hash[:12]}"
            return Verification(verified.chain, len(entries), intact=False, broken_at=head.seq, reason=reason)
    return verified
