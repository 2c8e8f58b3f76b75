"""What healed by itself since yesterday, as something to read in the morning; nobody is woken by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median

from nightshift import clock
from nightshift.incident import Incident
from nightshift.pages import Page

DAY = timedelta(days=1)
LINES = 30
Kind = tuple[str, str, str]  # group, symptom, what healed it


def compose(healed: Iterable[Incident], now: datetime) -> Page | None:
    """The digest of the day before ``now``; None when nothing healed. One a day, by its key."""
    since = clock.iso(now - DAY)
    kinds: defaultdict[Kind, list[Incident]] = defaultdict(list)
    for one in healed:
        if one.closed_at and since <= one.closed_at < clock.iso(now):
            kinds[one.group or one.subject, one.symptom, _cure(one)].append(one)
    if not kinds:
        return None
    most = sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))
    count = sum(map(len, kinds.values()))
    lines = [f"Since: {since}", *(_line(kind, found) for kind, found in most[:LINES])]
    lines += [f"… and {len(most) - LINES} more kinds"] if len(most) > LINES else []
    return Page(
        f"digest-{now:%Y-%m-%d}",
        f"[nightshift] healed by itself: {count} incident{'s' if count > 1 else ''}",
        "\n".join([*lines, "Nothing to do. Next: nightshift incidents, nightshift remedies"]),
        severity="info",
        kind="digest",
    )


def _cure(incident: Incident) -> str:
    """The remedy that was verified last; none where the symptom was gone before any ran."""
    return incident.current.remedy if incident.current else "no remedy"


def _line(kind: Kind, found: list[Incident]) -> str:
    group, symptom, cure = kind
    seconds = round(median(_seconds(one) for one in found))
    nodes = len({one.subject for one in found})
    return (
        f"{symptom} on {nodes} node{'s' if nodes > 1 else ''} of {group}: {len(found)} times by {cure}, "
        f"{seconds} s at the median; the last: {max(found, key=lambda one: one.closed_at or '').incident_id}"
    )


def _seconds(incident: Incident) -> float:
    closed = incident.closed_at or incident.opened_at
    return (clock.parse(closed) - clock.parse(incident.opened_at)).total_seconds()
