"""Maintenance: is a group inside one of its windows, and until when?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from nightshift.decisions.situation import Admission, Situation
from nightshift.windows import Window

JOINS = 20  # windows that follow without a gap; after so many the incident asks again


def active(windows: Iterable[Window], group: str, now: datetime) -> tuple[Window, datetime] | None:
    """The window that ``group`` is inside of at ``now``, and when it may be touched again.

    A moment is inside when some start s satisfies s <= moment < s + duration. Of windows that overlap
    the latest end counts, and a window that begins no later than another ends joins it.
    """
    own = [window for window in windows if not window.groups or group in window.groups]
    inside = _latest(own, now)
    if inside is None:
        return None
    window, until = inside
    for _ in range(JOINS):
        following = _latest(own, until)
        if following is None:
            break
        until = following[1]
    return window, until


def maintenance(situation: Situation) -> Admission | None:
    """Inside a maintenance window of its group nothing is done to a node, until the window ends.

    Or until the deadline, when that comes first: every incident ends by it.
    """
    found = active(situation.maintenance, situation.incident.group, situation.now)
    if found is None:
        return None
    return situation.wait("maintenance", words(*found), min(found[1], situation.ends_by))


def words(window: Window, until: datetime) -> str:
    """Which window, why and until when, in the window's own zone."""
    end = until.astimezone(ZoneInfo(window.zone))
    which = f"'{window.cron}' {window.zone}, {window.duration_minutes} min"
    return f"maintenance until {end:%Y-%m-%d %H:%M %Z}: {window.why} ({which})"


def _latest(windows: Iterable[Window], moment: datetime) -> tuple[Window, datetime] | None:
    ends = [(window, window.end(moment)) for window in windows]
    inside = [(window, end) for window, end in ends if end > moment]
    return max(inside, key=lambda one: one[1], default=None)
