"""How remedies fare for a symptom in a group, and which of them are not worth another try now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from nightshift import clock
from nightshift.fleet import Fared
from nightshift.incident import Level
from nightshift.policy_healing import SkipHopeless

# What a command is called that never began on its node: that says nothing of the remedy.
NEVER_RAN = ("command.", "Undeliverable", "DeliveryTimedOut", "Unknown")


def ran(level: Level) -> bool:
    """Whether the rung really was tried on its node."""
    return not level.detail.startswith(NEVER_RAN)


def counted(known: Mapping[str, Fared], levels: Iterable[Level], at: str) -> dict[str, Fared]:
    """``known`` with the rungs of an incident that ended ``at``: one that was not judged does not count."""
    found = dict(known)
    for level in levels:
        if level.outcome not in ("healed", "failed") or not ran(level):
            continue
        key, helped = Fared.key(level.symptom, level.remedy), level.outcome == "healed"
        before = found.get(key, Fared(last_at=at))
        found[key] = Fared(
            tried=before.tried + 1,
            helped=before.helped + helped,
            in_vain=0 if helped else before.in_vain + 1,
            last_at=at,
        )
    return found


def hopeless(
    fared: Mapping[str, Fared], symptom: str, remedy: str, settings: SkipHopeless, now: datetime
) -> str:
    """Why ``remedy`` is left out for ``symptom``, with the evidence; empty when it is worth a try.

    It is tried once more when its last try is long enough ago: what made it fail may be mended.
    """
    known = fared.get(Fared.key(symptom, remedy))
    if known is None or not settings.after or known.in_vain < settings.after:
        return ""
    again = clock.parse(known.last_at) + timedelta(minutes=settings.retry_minutes)
    if now >= again:
        return ""
    times = f"{known.in_vain} times in a row, last at {known.last_at}; helped {known.helped} of {known.tried}"
    return f"{remedy} did not help {times}; left out until {clock.iso(again)}"
