"""Maintenance windows: inside or not, until when, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from nightshift.decisions.admission import admit
from nightshift.decisions.maintenance import active
from nightshift.windows import Window
from tests.unit.facts import NOW, at, healing, incident, situation

BERLIN = "Europe/Berlin"
CRONS = ("0 2 * * *", "30 2 * * *", "45 2 * * SUN", "*/15 * * * *", "0 */6 * * *", "0 3 L * *", "5 0 1 * *")
# Around both changes of 2026, and plain days.
MOMENTS = st.sampled_from(
    [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)]
).flatmap(lambda day: st.integers(-129_600, 129_600).map(lambda off: day + timedelta(seconds=off)))


def window(cron: str, minutes: int, **more: object) -> Window:
    """A window for a reason."""
    return Window.model_validate({"cron": cron, "duration_minutes": minutes, "why": "backup", **more})


def until(*windows: Window, now: datetime, group: str = "web-prod") -> datetime | None:
    """When the group may be touched again; None for now."""
    found = active(windows, group, now)
    return found[1] if found else None


def utc(text: str) -> datetime:
    """An instant of the tests."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(
    st.sampled_from(CRONS), st.integers(1, 3_000), st.sampled_from(["UTC", BERLIN, "Asia/Kolkata"]), MOMENTS
)
@example("45 2 * * *", 30, BERLIN, datetime(2026, 10, 25, 1, 5, tzinfo=UTC))
def test_inside_is_at_or_after_a_start_and_before_its_end(
    cron: str, minutes: int, zone: str, now: datetime
) -> None:
    """Some start s satisfies s <= now < s + duration; the starts are walked forwards here."""
    lasts = timedelta(minutes=minutes)
    start, inside = (now - lasts - timedelta(days=1)).astimezone(ZoneInfo(zone)), False
    for begins in CronSim(cron, start):
        if begins.astimezone(UTC) > now:
            break
        inside = inside or now < begins.astimezone(UTC) + lasts
    ends = until(window(cron, minutes, zone=zone), now=now)
    assert (ends is not None) == inside
    assert ends is None or ends > now


@given(st.lists(st.tuples(st.sampled_from(CRONS), st.integers(1, 300)), min_size=1, max_size=3), MOMENTS)
def test_of_several_windows_the_group_is_inside_while_it_is_inside_of_any(
    some: list[tuple[str, int]], now: datetime
) -> None:
    """And no sooner free than the latest end among them."""
    windows = [window(cron, minutes, zone=BERLIN) for cron, minutes in some]
    alone = [ends for one in windows if (ends := until(one, now=now))]
    together = until(*windows, now=now)
    assert (together is None) == (not alone)
    assert together is None or together >= max(alone)


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-03-29T00:59:59", None),
        ("2026-03-29T01:00:00", "2026-03-29T02:00:00"),  # 02:30 does not exist: it begins at 03:00 CEST
        ("2026-03-29T01:59:59", "2026-03-29T02:00:00"),
        ("2026-03-29T02:00:00", None),
        ("2026-10-25T00:29:59", None),
        ("2026-10-25T00:30:00", "2026-10-25T01:30:00"),  # 02:30 CEST, and once only
        ("2026-10-25T01:29:59", "2026-10-25T01:30:00"),
        ("2026-10-25T01:30:00", None),  # 02:30 again, CET
        ("2026-07-01T00:30:00", "2026-07-01T01:30:00"),
        ("2026-01-01T01:30:00", "2026-01-01T02:30:00"),
    ],
)
def test_when_berlins_clocks_change_a_window_comes_once_and_lasts_as_long_as_ever(
    now: str, ends: str | None
) -> None:
    """Spring skips half past two, autumn has it twice."""
    found = until(window("30 2 * * *", 60, zone=BERLIN), now=utc(now))
    assert found == (utc(ends) if ends else None)


def test_overlapping_windows_end_with_the_latest_and_back_to_back_ones_join() -> None:
    """02:00 to 03:00, 02:30 to 04:00, 04:00 to 05:00; at 05:01 another one, not joined."""
    own = [
        window("0 2 * * *", 60),
        window("30 2 * * *", 90),
        window("0 4 * * *", 60),
        window("1 5 * * *", 60),
    ]
    assert until(*own, now=utc("2026-07-01T02:10:00")) == utc("2026-07-01T03:00:00") + timedelta(hours=2)
    assert until(*own, now=utc("2026-07-01T05:00:00")) is None


def test_a_window_without_end_still_gives_a_time_to_ask_again() -> None:
    """Every minute for two minutes: bounded work, and a moment ahead."""
    always = until(window("* * * * *", 2), now=NOW)
    assert always is not None
    assert NOW < always < NOW + timedelta(hours=1)


def test_a_window_concerns_its_groups_and_without_any_all() -> None:
    """Others are healed meanwhile."""
    some, everybody = window("0 3 * * *", 60, groups=["api"]), window("0 3 * * *", 60)
    assert until(some, now=NOW) is None
    assert until(some, now=NOW, group="api") == NOW + timedelta(hours=1)
    assert until(everybody, now=NOW) == NOW + timedelta(hours=1)


def test_an_incident_waits_until_the_window_ends_and_is_told_which_and_why() -> None:
    """The reason names the window, its end in its own zone, and the words of whoever wrote it."""
    answer = admit(situation(maintenance=(window("0 4 * * *", 90, zone=BERLIN),)))
    assert (answer.answer, answer.guard, answer.until) == ("wait", "maintenance", NOW + timedelta(minutes=90))
    assert answer.reason == (
        "maintenance until 2026-11-23 05:30 CET: backup ('0 4 * * *' Europe/Berlin, 90 min)"
    )


def test_a_window_longer_than_the_deadline_waits_until_the_deadline() -> None:
    """Every incident ends by it; the machine itself would not wait for a week."""
    long = window("0 0 * * MON", 10_080)
    opened = incident(opened_at=at(-600))
    answer = admit(situation(maintenance=(long,), incident=opened, healing=healing(deadline_seconds=3_600)))
    assert answer.until == NOW + timedelta(seconds=3_000)
    late = incident(opened_at=at(-3_600))
    assert (
        admit(situation(maintenance=(long,), incident=late, healing=healing(deadline_seconds=3_600))).guard
        == "deadline"
    )


@given(st.text(alphabet="0123456789*/,-#LWSUNJAN ", max_size=20))
def test_any_cron_is_understood_or_refused(cron: str) -> None:
    """No expression crashes the reader, or admission later."""
    try:
        sound = window(cron, 60)
    except ValidationError:
        return
    active([sound], "web-prod", NOW)
