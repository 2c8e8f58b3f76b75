"""Anchors: which hours are due, and what a journal that was changed after its anchor looks like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from nightshift import anchors, journal
from nightshift.anchors import Anchor, Head
from nightshift.journal import GENESIS, Entry, Note

NOW = datetime(2026, 11, 23, 3, 10, tzinfo=UTC)
CHAIN = "inc-20261123-0123456789"


def chain(count: int, reason: str = "") -> list[Entry]:
    """So many entries, each a second after the one before."""
    entries: list[Entry] = []
    for seq in range(1, count + 1):
        note = Note("admission", "test", "wait", f"{reason}{seq}")
        previous = entries[-1].hash if entries else GENESIS
        entries.append(journal.link(CHAIN, seq, previous, NOW + timedelta(seconds=seq), note))
    return entries


def test_the_hour_that_is_over_is_due_and_the_running_one_is_not() -> None:
    """The first time nothing before it is made up for; what was missed since is."""
    assert anchors.due(NOW, []) == ["2026-11-23T02"]
    assert anchors.due(NOW, ["2026-11-22T23"]) == ["2026-11-23T00", "2026-11-23T01", "2026-11-23T02"]
    assert anchors.due(NOW, ["2026-11-23T02"]) == []


def test_an_hour_is_due_only_when_its_last_entries_are_seen() -> None:
    """An index is a little late."""
    assert anchors.due(NOW.replace(minute=4), ["2026-11-23T01"]) == []
    assert anchors.due(NOW.replace(minute=5), ["2026-11-23T01"]) == ["2026-11-23T02"]


def test_a_gap_of_a_month_is_made_up_for_a_week() -> None:
    """The rest stays a gap that shows."""
    assert len(anchors.due(NOW, ["2026-10-23T02"])) == 7 * 24


@pytest.mark.parametrize(
    ("entries", "broken_at"),
    [(chain(5), None), (chain(7), None), (chain(4), 5), ([], 5), (chain(7, "forged "), 5)],
    ids=["as it was", "grown", "cut", "gone", "written anew"],
)
def test_what_was_anchored_must_still_be_there(entries: list[Entry], broken_at: int | None) -> None:
    """Also a chain that is whole in itself: whoever wrote it anew could not write the anchor anew."""
    head = Head(seq=5, hash=chain(5)[-1].hash)
    remembered = anchors.anchored([Anchor(hour="2026-11-23T02", heads={CHAIN: head})])
    found = anchors.compare(journal.verify(CHAIN, entries), entries, remembered[CHAIN])
    assert (found.intact, found.broken_at) == (broken_at is None, broken_at)
    assert found.intact or "2026-11-23T02" in found.reason
