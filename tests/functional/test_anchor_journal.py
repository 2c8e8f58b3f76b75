"""The journal's heads are copied away every hour, and whoever cuts the journal is found out by them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from nightshift import anchors, clock, journal
from nightshift.aws import session
from nightshift.aws.anchorage import Anchorage
from nightshift.journal import Verification
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack

HOUR = sample("schedule/anchor_journal")


@pytest.fixture
def incident_id(world: World) -> Iterator[str]:
    """One that was opened, an hour ago."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    opened = world.subject(sick).open_incident
    world.invoke("admit_incident", {"incident_id": opened})
    world.pass_time(3_900)
    return opened


def verified(world: World, chain: str) -> Verification:
    """The chain against what it remembers itself, its state and its anchors."""
    entries = list(world.journals.read(chain))
    head = entries[-1].hash if entries else None  # whoever cuts both tables leaves no other trace
    kept = Anchorage(stack().ref("AnchorsBucket")).read()
    return anchors.compare(journal.verify(chain, entries, head), entries, anchors.anchored(kept)[chain])


def test_every_hour_is_anchored_once(world: World, incident_id: str) -> None:
    """The second time finds nothing to do, and the day after makes up for every hour that was missed."""
    first = world.invoke("anchor_journal", HOUR)["hours"]
    assert len(first) == 1
    assert world.invoke("anchor_journal", HOUR)["hours"] == []
    assert verified(world, incident_id).intact
    world.time.shift(timedelta(days=1))
    assert len(world.invoke("anchor_journal", HOUR)["hours"]) == 24


def test_a_tail_that_is_cut_in_both_tables_shows(world: World, incident_id: str) -> None:
    """The state cannot tell: its head was set back as well."""
    world.invoke("anchor_journal", HOUR)
    last = list(world.journals.read(incident_id))[-1]
    key = {"chain": {"S": incident_id}, "seq": {"N": str(last.seq)}}
    session.client("dynamodb").delete_item(TableName=stack().ref("JournalTable"), Key=key)
    found = verified(world, incident_id)
    assert (found.intact, found.broken_at) == (False, last.seq)


def test_an_anchor_is_never_written_again(world: World, incident_id: str) -> None:
    """Not even by Nightshift itself, for an hour that it believes to be missing."""
    world.invoke("anchor_journal", HOUR)
    anchorage = Anchorage(stack().ref("AnchorsBucket"))
    (kept,) = anchorage.read()
    assert incident_id in kept.heads
    assert anchorage.keep(kept.model_copy(update={"heads": {}})) is False
    assert list(anchorage.read()) == [kept]
    assert anchorage.hours(clock.now()) == [kept.hour]
