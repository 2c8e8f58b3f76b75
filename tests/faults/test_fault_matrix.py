"""The fault matrix, rows 1 to 7: what one node's alarms may do wrong, driven through the real handlers.

Rows 8 to 12, which are about a whole group, are in ``test_fault_matrix_groups``.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from nightshift import clock
from nightshift.errors import Conflict
from tests.faults.life import Mail, effects, execute, live, own
from tests.faults.race import at_once
from tests.functional.endings import levels, over
from tests.functional.staging import POLICY, made
from tests.functional.sweeping import stand, sweep
from tests.functional.world import World

NERVOUS = POLICY.replace("heals: 9, window_seconds: 600", "heals: 1, window_seconds: 3600")
MARGIN = 60  # seconds for which a sweep believes that an event is still on its way


def said(world: World, node_id: str, state: str = "ALARM") -> tuple[str, dict[str, Any]]:
    """What the node's alarm says now, as our own event on its way; and who listens to it."""
    name = world.invoke("raise_signal", world.alarm(node_id, state=state, held=8))["published"]
    return {"SignalRaised": "open_incident", "SignalCleared": "close_incident"}[name], own(
        name, world.events(name)[-1]
    )


def test_row_01_a_duplicate_alarm_is_one_execution_and_one_effect(world: World) -> None:
    """EventBridge delivers the alarm twice, and each of the two signals twice."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    alarm = world.alarm(sick)
    for _ in range(2):
        world.hand("raise_signal", alarm)
    signals = [own("SignalRaised", one) for one in world.events("SignalRaised")] * 2
    answers = [world.hand("open_incident", one) for one in signals]
    assert [one["answer"] for one in answers] == ["opened", "duplicate", "duplicate", "duplicate"]
    (incident_id,) = {one["incident_id"] for one in answers}
    execute(world, incident_id)
    assert world.executions() == [incident_id]
    assert effects(world) == [("RestartService", sick)]
    over(world, incident_id, "healed")


def test_row_02_of_twenty_duplicates_at_once_one_wins(world: World) -> None:
    """All twenty have read that nothing is open before the first one writes; the losers' retries change
    nothing."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    _, event = said(world, sick)
    answers = at_once(world, "open_incident", [event] * 20)
    (won,) = (one for one in answers if not isinstance(one, Conflict))
    assert won["answer"] == "opened"
    assert len(answers) == 20
    again = [world.invoke("open_incident", event) for _ in range(19)]
    assert again == [{"answer": "duplicate", "incident_id": won["incident_id"]}] * 19
    assert world.executions() == [won["incident_id"]]
    assert len(world.events("IncidentOpened")) == 1
    assert world.story(won["incident_id"]) == [("opened", "opened")]
    execute(world, won["incident_id"])
    assert effects(world) == [("RestartService", sick)]
    over(world, won["incident_id"], "healed")


@pytest.mark.parametrize("order", [*permutations(range(3))], ids=lambda order: "".join(map(str, order)))
def test_row_03_alarms_out_of_order_end_as_the_newest_says(world: World, order: tuple[int, ...]) -> None:
    """ALARM, OK, ALARM, and the node is ill: whichever comes first, it is healed once and nobody is paged."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    words = []
    for state in ("ALARM", "OK", "ALARM"):
        words.append(said(world, sick, state))
        world.pass_time(3)
    for number in order:
        world.hand(*words[number])
    incident_id = world.subject(sick).open_incident
    heard = world.incident(incident_id).symptoms["service_down"]
    assert (heard.raised_at, heard.cleared_at) == (words[2][1]["detail"]["occurred_at"], None)
    execute(world, incident_id)
    assert world.executions() == [incident_id]
    assert effects(world) == [("RestartService", sick)]
    over(world, incident_id, "healed")
    assert world.pages() == []


@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "swapped"])
def test_row_03_an_older_alarm_after_its_ok_acts_on_nothing(world: World, *, swapped: bool) -> None:
    """The node is well: an ALARM that comes after the OK that ended it ends in suppression."""
    node_id, _ = world.instances()
    raised = said(world, node_id)
    world.pass_time(5)
    cleared = said(world, node_id, "OK")
    for word in (cleared, raised) if swapped else (raised, cleared):
        world.hand(*word)
    (incident_id,) = world.executions()
    execute(world, incident_id)
    over(world, incident_id, "suppressed")
    assert (effects(world), world.pages()) == ([], [])


def test_row_04_a_stale_alarm_is_suppressed_after_the_node_was_read_again(world: World) -> None:
    """Six hours late, and the node is well: what is measured now counts, not what was said then."""
    node_id, _ = world.instances()
    late = world.alarm(node_id)
    world.time.shift(6 * 3_600)
    world.pass_time(15)
    world.hand("raise_signal", late)
    incident_id = world.deliver("SignalRaised")["incident_id"]
    execute(world, incident_id)
    over(world, incident_id, "suppressed")
    assert "went away by itself" in world.incident(incident_id).reason
    assert (effects(world), world.pages()) == ([], [])


def test_row_05_an_alarm_whose_event_never_came_is_found_by_the_next_sweep(world: World) -> None:
    """Every minute there is one: the first that no longer expects the event heals as if it had come."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    began, mail = clock.now(), Mail(world)
    rounds = 0
    while not world.events("SignalRaised"):
        world.pass_time(60)
        sweep(world)
        rounds += 1
        assert rounds <= 2
    mail.deliver()
    assert (clock.now() - began).total_seconds() <= MARGIN + 60
    incident_id = world.subject(sick).open_incident
    execute(world, incident_id)
    assert world.executions() == [incident_id]
    assert effects(world) == [("RestartService", sick)]
    over(world, incident_id, "healed")


@pytest.mark.parametrize("cured", [True, False], ids=["healed", "escalated"])
def test_row_06_two_alarms_of_one_node_are_one_incident_that_ends_both(world: World, *, cured: bool) -> None:
    """Two names, one subject: healed when both are well; after a page, over when both are quiet."""
    sick, _ = world.instances()
    names = ("service_down", "disk_full")
    world.cures = {"RestartService", "CleanDisk"} if cured else set()
    for name in names:
        world.fall_ill(sick, name)
    first = world.speak(sick, names[1])["incident_id"]
    incident_id = live(world, sick, names[0])
    assert incident_id == first
    assert set(world.incident(incident_id).symptoms) == set(names)
    assert world.executions() == [incident_id]
    over(world, incident_id, "healed" if cured else "escalated")
    assert len(world.pages()) == (0 if cured else 1)
    for name in () if cured else names:
        assert world.incident(incident_id).state == "escalated"
        world.pass_time(1)
        assert world.speak(sick, name, "OK")
    assert world.incident(incident_id).state == ("healed" if cured else "resolved")
    assert world.subject(sick).open_incident == ""


def test_row_07_a_node_that_flaps_is_healed_once_and_then_paged() -> None:
    """Ten times ill within the window: the first is healed, no other is touched, and a person knows."""
    with made(NERVOUS) as world:
        sick, _ = world.instances()
        endings = []
        for _ in range(10):
            world.fall_ill(sick)
            incident_id = live(world, sick)
            endings.append(world.incident(incident_id).state)
            if endings[-1] == "healed":
                assert levels(world, incident_id) == [(1, "restart_service", "healed")]
            world.get_well(sick)
            world.pass_time(60)
            world.speak(sick, state="OK")
        assert effects(world) == [("RestartService", sick)]
        assert endings == ["healed"] + ["escalated"] * 9
        told = [page["Subject"] for page in world.pages()]
        assert len(told) == 9, told
        assert world.subject(sick).open_incident == ""
