from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import clock
from nightshift.errors import Refused

ZONES = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=ZONES,
)


def test_now_is_in_utc_and_whole_milliseconds() -> None:
    """What is compared is what is written: nothing finer than a millisecond, always UTC."""
    moment = clock.now()
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
    assert clock.parse(clock.iso(moment)) == moment


def test_an_instant_has_one_way_to_be_written() -> None:
    """Zone and precision of the input do not show in the text."""
    berlin = timezone(timedelta(hours=1))
    assert clock.iso(datetime(2026, 11, 23, 4, 0, 0, 5_999, tzinfo=berlin)) == "2026-11-23T03:00:00.005Z"


@pytest.mark.parametrize(
    "text",
    ["2026-11-23T03:00:00.123Z", "2026-11-23T03:00:00.123+00:00", "2026-11-23T03:00:00.123+0000"],
)
def test_every_way_in_which_aws_writes_utc_is_read(text: str) -> None:
    """EventBridge writes Z, CloudWatch writes +0000, Python writes +00:00."""
    assert clock.iso(clock.parse(text)) == "2026-11-23T03:00:00.123Z"


@pytest.mark.parametrize("text", ["", "soon", "2026-11-23", "2026-11-23T03:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A time without a zone is as useless as no time: refused with its code."""
    with pytest.raises(Refused) as refused:
        clock.parse(text)
    assert refused.value.code == "time.unreadable"


@given(INSTANTS, INSTANTS)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    """Tables and guards compare instants as text."""
    one, other = clock.truncated(one), clock.truncated(other)
    assert (clock.iso(one) < clock.iso(other)) == (one < other)


@given(INSTANTS)
def test_writing_and_reading_lose_nothing_but_microseconds(moment: datetime) -> None:
    """An instant survives a round trip through its text."""
    assert clock.parse(clock.iso(moment)) == clock.truncated(moment)
