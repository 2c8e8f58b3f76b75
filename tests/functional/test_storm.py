"""A storm from its first alarm to its end: one page, nothing touched meanwhile, then healing goes on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World


@pytest.fixture
def four() -> Iterator[World]:
    """A group of four nodes."""
    with made(nodes=4) as world:
        yield world


def struck(world: World, count: int) -> list[str]:
    """So many nodes fall ill at once; returns their incidents."""
    nodes = world.instances()[:count]
    for node in nodes:
        world.fall_ill(node, seconds=1)
    world.pass_time(8)
    for node in nodes:
        world.speak(node)
    return [world.subject(node).open_incident for node in nodes]


def admitted(world: World, incident_id: str) -> dict[str, str]:
    """What admission says now."""
    answer: dict[str, str] = world.invoke("admit_incident", {"incident_id": incident_id})
    return answer


def raised(world: World) -> list[str]:
    """The storms that were told on the bus."""
    return [
        one["subject"]
        for kind, one in world.published
        if kind == "SignalRaised" and one["symptom"] == "storm"
    ]


def test_a_storm_holds_healing_and_pages_once(four: World) -> None:
    """Three of four fail: one storm incident, one page for all, no command, no lease."""
    members = struck(four, 3)
    for one in members * 2:
        assert admitted(four, one)["next"] == "WaitUntil"
    assert set(raised(four)) == {"group:web-prod"}
    four.deliver("SignalRaised", -1)
    storm = four.subject("group:web-prod").open_incident
    Machine(four, storm).run()
    assert four.group().leases == {}
    assert four.group().storm.incident_id == storm
    (page,) = four.pages()
    assert "storm in web-prod" in page["Subject"]
    assert "3 of 4 nodes" in page["Message"]
    assert {four.incident(one).storm for one in members} == {storm}


def test_the_storms_page_is_its_members_page(four: World) -> None:
    """A member that ends unhealed while the storm rages does not page again."""
    members = struck(four, 3)
    admitted(four, members[0])
    four.deliver("SignalRaised", -1)
    storm = four.subject("group:web-prod").open_incident
    Machine(four, storm).run()
    for one in members:
        admitted(four, one)
    four.pass_time(1_300)
    for one in members:
        Machine(four, one).run()
    assert {four.incident(one).state for one in members} == {"escalated"}
    assert len(four.pages()) == 1


def test_after_a_storm_healing_goes_on_within_its_limits(four: World) -> None:
    """Two nodes recover by themselves; after the cool-down the third is healed, and the storm is resolved."""
    members = struck(four, 3)
    admitted(four, members[0])
    four.deliver("SignalRaised", -1)
    storm = four.subject("group:web-prod").open_incident
    Machine(four, storm).run()
    for node in four.instances()[:2]:
        four.get_well(node)
    four.pass_time(10)
    for one in members[:2]:
        Machine(four, one).run()
        assert four.incident(one).state == "suppressed"
    Machine(four, members[2]).run()
    assert four.incident(members[2]).state == "healed"
    four.deliver("SignalCleared", -1)
    assert four.incident(storm).state == "resolved"
    assert (four.group().storm, four.group().troubled, four.group().leases) == (None, {}, {})
    assert len(four.pages()) == 1
