"""What many write at once is read and written again; it gives up in the end."""

from __future__ import annotations

from datetime import datetime

import pytest

from nightshift.aws.amending import Amending
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.journal import Note
from tests.unit.facts import NOW

NOTE = Note("seen", "a test", "counted", "because")


class Counter(Amending[int]):
    """A number that others count up ``others`` times, each just before it would be written."""

    tries = 3

    def __init__(self, others: int) -> None:
        self.value, self.others = 0, others

    def get(self, _subject_id: str, /) -> int:
        """As it is now."""
        return self.value

    def record(self, subject: int, _at: datetime, _note: Note, /, *_more: Write, **changes: object) -> int:
        """Nobody may have counted since ``subject`` was read."""
        if self.others:
            self.others -= 1
            self.value += 10
        if subject != self.value:
            raise Conflict("state.conflict", "another writer was first")
        self.value = int(str(changes["value"]))
        return self.value


def test_a_change_is_made_on_what_the_other_writer_left() -> None:
    """It is asked anew: the first answer was about a value that is gone."""
    counter = Counter(others=2)
    assert counter.amend("one", NOW, lambda value: (NOTE, {"value": value + 1})) == 21


def test_whoever_always_loses_gives_up() -> None:
    """The caller is tried again by whoever called it."""
    counter = Counter(others=3)
    with pytest.raises(Conflict):
        counter.amend("one", NOW, lambda value: (NOTE, {"value": value + 1}))
    assert counter.others == 0


def test_what_needs_nothing_is_not_written() -> None:
    """It was changed already, by the same event before."""
    counter = Counter(others=1)
    assert counter.amend("one", NOW, lambda _: None) == 0
    assert counter.others == 1
