"""Several symptoms of one subject: closing needs every one of them clear, and no event counts twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nightshift import clock
from tests.functional.endings import over
from tests.functional.machine import Machine
from tests.functional.world import World


def both(world: World) -> tuple[str, str]:
    """A node with a dead service and a full disk, in one incident whose service was restarted."""
    sick, _ = world.instances()
    world.cures = set()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    Machine(world, incident_id).run(until="VerifyHealth")
    world.fall_ill(sick, "disk_full", 1)
    assert world.speak(sick, "disk_full")["answer"] == "joined"
    return sick, incident_id


def signal(world: World, node_id: str, symptom: str, state: str, **more: Any) -> dict[str, Any]:
    """The event of a signal that an alarm means now; nobody has heard it yet."""
    name = world.invoke("raise_signal", world.alarm(node_id, symptom, state, **more))["published"]
    return {"source": "nightshift", "detail-type": name, "detail": world.events(name)[-1]}


@pytest.mark.parametrize("well", [{"ServiceUp": 1.0}, {"DiskUsedPercent": 20.0}])
def test_one_symptom_that_is_gone_closes_nothing(world: World, well: dict[str, float]) -> None:
    """Whichever of the two is well: the other one keeps the incident open and is looked at again."""
    sick, incident_id = both(world)
    world.readings[sick].update(well)
    world.pass_time(5)
    answer = world.invoke("verify_health", {"incident_id": incident_id})
    assert answer["next"] == "LookAgain"
    world.get_well(sick)
    world.pass_time(6)
    answer = world.invoke("verify_health", {"incident_id": incident_id})
    assert (answer["next"], answer["outcome"]) == ("CloseIncident", "healed")


def test_a_symptom_that_joins_between_verification_and_close_is_verified_and_healed(world: World) -> None:
    """The machine itself goes back, tries the new symptom's ladder, and closes when both are gone."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    machine = Machine(world, incident_id)
    machine.run(until="CloseIncident")
    world.fall_ill(sick, "disk_full")
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.speak(sick, "disk_full")
    machine.definition = {**machine.definition, "StartAt": "VerifyHealth"}
    machine.run()
    over(world, incident_id, "healed")
    assert [one.remedy for one in world.incident(incident_id).levels] == ["restart_service", "clean_disk"]


def test_a_symptom_that_joins_before_a_quiet_end_is_admitted_and_healed(world: World) -> None:
    """The first symptom went away by itself; the second came in that moment and must not be closed away."""
    sick, _ = world.instances()
    world.fall_ill(sick, "cpu_sustained", 5)
    incident_id = world.speak(sick, "cpu_sustained", held=5)["incident_id"]
    world.get_well(sick)
    world.pass_time(8)
    machine = Machine(world, incident_id)
    order = machine.run(until="CloseIncident")
    assert order["outcome"] == "suppressed"
    world.fall_ill(sick, "disk_full")
    world.speak(sick, "disk_full")
    answer = world.invoke("close_incident", order)
    assert (answer["next"], answer["state"]) == ("AdmitIncident", "open")
    Machine(world, incident_id).run()
    over(world, incident_id, "healed")
    assert [one.remedy for one in world.incident(incident_id).levels] == ["clean_disk"]


def test_whatever_the_order_and_however_often_each_signal_counts_once(world: World) -> None:
    """Two raises and a clear between them, told in every order and twice: the newest word stands."""
    sick, _ = world.instances()
    first = signal(world, sick, "service_down", "ALARM")
    incident_id = world.invoke("open_incident", first)["incident_id"]
    world.pass_time(5)
    cleared = signal(world, sick, "service_down", "OK")
    world.pass_time(5)
    second = signal(world, sick, "service_down", "ALARM", held=2)
    assert world.invoke("open_incident", second)["answer"] == "joined"
    before = world.incident(incident_id)
    for event in (cleared, cleared):
        assert world.invoke("close_incident", event)["state"] == "open"
    assert world.invoke("open_incident", first)["answer"] == "stale"
    assert world.invoke("open_incident", second)["answer"] == "duplicate"
    assert world.incident(incident_id) == before
    assert before.symptoms["service_down"].cleared_at is None
    assert world.executions() == [incident_id]


def test_a_clear_that_is_told_twice_is_written_once(world: World) -> None:
    """And another symptom's clear is no clear of this one."""
    sick, incident_id = both(world)
    world.pass_time(2)
    cleared = signal(world, sick, "disk_full", "OK")
    world.invoke("close_incident", cleared)
    after = world.incident(incident_id)
    world.invoke("close_incident", cleared)
    assert world.incident(incident_id) == after
    assert after.symptoms["disk_full"].cleared_at
    assert after.symptoms["service_down"].cleared_at is None
    assert world.story(incident_id).count(("cleared", "open")) == 1


def test_a_second_alarm_about_the_same_symptom_shortens_no_duration_and_brings_back_nothing_old(
    world: World,
) -> None:
    """A later alarm keeps the earlier beginning; an older one, told late, does not undo a clear."""
    sick, _ = world.instances()
    first = signal(world, sick, "service_down", "ALARM", held=30)
    incident_id = world.invoke("open_incident", first)["incident_id"]
    began = world.incident(incident_id).symptoms["service_down"].held_since
    world.pass_time(2)
    other = json.loads(json.dumps(signal(world, sick, "service_down", "ALARM", held=1)))
    other["detail"]["alarm"] = "nightshift-node-service_down-of-another-kind"
    world.pass_time(2)
    late = json.loads(json.dumps(other))
    assert world.invoke("open_incident", other)["answer"] == "joined"
    assert world.incident(incident_id).symptoms["service_down"].held_since == began
    world.invoke("close_incident", signal(world, sick, "service_down", "OK"))
    late["detail"].update(alarm="nightshift-node-service_down-third", occurred_at=clock.iso(clock.now()))
    assert world.invoke("open_incident", late)["answer"] == "stale"
    assert world.incident(incident_id).symptoms["service_down"].cleared_at
