"""Storms that nobody is left to end, and subjects that are ill no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nightshift.aws import session, tables
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World


@pytest.fixture
def four() -> Iterator[World]:
    """A group of four nodes."""
    with made(nodes=4) as world:
        yield world


def storm(world: World, count: int = 3) -> tuple[str, list[str]]:
    """So many nodes fall ill at once; the storm's incident, and its members'."""
    nodes = world.instances()[:count]
    for node in nodes:
        world.fall_ill(node, seconds=1)
    world.pass_time(8)
    members = [world.speak(node)["incident_id"] for node in nodes]
    world.invoke("admit_incident", {"incident_id": members[0]})
    incident_id = world.deliver("SignalRaised", -1)["incident_id"]
    Machine(world, incident_id).run()
    return incident_id, members


def end(world: World, incident_id: str, outcome: str = "suppressed") -> None:
    """An incident ends by whatever."""
    request = {"incident_id": incident_id, "outcome": outcome, "reason": "for this test"}
    world.invoke("close_incident", request)


def test_a_storm_whose_last_member_has_ended_calms_and_ends(four: World) -> None:
    """As admission would have it: rest first, then its page is over and healing goes on."""
    incident_id, members = storm(four)
    for one in members:
        end(four, one)
    assert sweep(four) == [f"the storm in {GROUP} is calm: nobody in {GROUP} is ill"]
    assert four.group().storm.calm_since
    assert sweep(four) == []
    four.pass_time(20)
    assert sweep(four) == [f"the storm in {GROUP} is over: nobody in {GROUP} is ill"]
    assert four.group().storm is None
    assert four.deliver("SignalCleared")["incident_id"] == incident_id
    assert four.incident(incident_id).state == "resolved"
    assert sweep(four) == []


def test_two_sweeps_at_once_end_a_storm_once(four: World) -> None:
    """The second loses its write, and says nothing."""
    incident_id, members = storm(four)
    for one in members:
        end(four, one)
    sweep(four)
    four.pass_time(20)
    group = four.group()
    four.meanwhile["dynamodb.UpdateItem"] = lambda: tables.write(
        four.groups.weather(GROUP, group.storm, None)
    )
    assert sweep(four) == []
    four.deliver("SignalCleared")
    assert four.incident(incident_id).state == "resolved"
    assert sweep(four) == []


@pytest.mark.parametrize("ending", ["open", "escalated"])
def test_a_storm_with_members_is_left_to_admission(four: World, ending: str) -> None:
    """Whether machines wait in it, or a person has them all."""
    _, members = storm(four)
    for one in members if ending == "escalated" else ():
        end(four, one, ending)
    before = four.group()
    four.pass_time(50)
    assert sweep(four) == []
    assert four.group() == before


@pytest.mark.parametrize("stored", [True, False])
def test_a_subject_whose_incident_is_over_is_ill_no_more(world: World, *, stored: bool) -> None:
    """It would be counted into every storm to come."""
    one, _ = world.instances()
    incident_id = "inc-20261122-0123456789"
    if stored:
        world.fall_ill(one)
        incident_id = world.speak(one)["incident_id"]
        end(world, incident_id)
    tables.write(world.groups.enroll(GROUP, one, incident_id))
    (said,) = sweep(world)
    state = "suppressed" if stored else "not stored"
    assert said == f"{one} is not ill any more in {GROUP}: {incident_id} is {state}"
    assert world.group().troubled == {}
    assert sweep(world) == []


def paged_and_left(world: World) -> tuple[str, str]:
    """A page about a node that somebody then terminates by hand: its alarms go without a word."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    end(world, incident_id, "escalated")
    world.invoke("retire_node", world.terminated(sick))
    return sick, incident_id


def test_a_page_about_a_node_that_left_is_over_when_its_group_is_whole(world: World) -> None:
    """Told once more by a second sweep, which nobody minds."""
    sick, incident_id = paged_and_left(world)
    assert sweep(world) == [f"SignalCleared for {sick}: {sick} has left, and its group is whole"]
    sweep(world)
    assert world.deliver("SignalCleared", -2)["state"] == "resolved"
    assert world.deliver("SignalCleared", -1)["state"] == "none"
    assert world.group().troubled == {}
    assert sweep(world) == []
    assert world.story(incident_id)[-1] == ("closed", "resolved")


def test_a_page_about_a_node_that_nobody_replaced_stays(world: World) -> None:
    """The group misses it."""
    _, incident_id = paged_and_left(world)
    session.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    group = session.client("autoscaling")
    group.set_instance_health(InstanceId=world.instances()[0], HealthStatus="Unhealthy")
    assert sweep(world) == []
    assert world.incident(incident_id).state == "escalated"
