"""From the alarm to an open incident: duplicates, order, joins, races, and what cannot be understood."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift import clock
from nightshift.errors import Conflict, NightshiftError, Retryable
from nightshift.journal import Note
from tests.functional.machine import Machine, heal
from tests.functional.world import World
from tests.samples import NODE, sample


def raised(world: World, node_id: str, symptom: str = "service_down", **more: Any) -> dict[str, Any]:
    """The SignalRaised event for an alarm that changes now."""
    world.invoke("raise_signal", world.alarm(node_id, symptom, **more))
    detail = world.events("SignalRaised")[-1]
    return {"source": "nightshift", "detail-type": "SignalRaised", "detail": detail}


def test_an_alarm_becomes_one_signal_on_our_own_bus(world: World) -> None:
    """Subject, symptom and since when; the alarm's whole text is the reason."""
    answer = world.invoke("raise_signal", sample("alarm/service_down"))
    assert answer == {"published": "SignalRaised", "subject": NODE, "symptom": "service_down"}
    (signal,) = world.events("SignalRaised")
    assert signal["held_since"] == "2026-11-23T02:59:00.000Z"
    assert signal["reason"].startswith("Threshold Crossed")


@pytest.mark.parametrize("name", ["alarm/insufficient_data", "alarm/multi_series"])
def test_an_alarm_that_says_nothing_is_not_published(world: World, name: str) -> None:
    """Insufficient data, or an alarm whose contributors speak: neither raised nor cleared, nor refused."""
    assert world.invoke("raise_signal", sample(name)) == {"published": None}
    assert world.published == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("alarm/unknown_shape", "event.unknown_shape"),
        ("alarm/no_subject", "signal.no_subject"),
        ("command/succeeded", "event.unknown_shape"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_code(world: World, name: str, code: str) -> None:
    """The error makes Lambda keep the event in the dead-letter queue; nothing else happens."""
    with pytest.raises(NightshiftError) as refused:
        world.invoke("raise_signal", sample(name))
    assert refused.value.code == code
    assert not refused.value.recoverable
    assert world.published == []


def test_a_bus_that_does_not_take_the_signal_is_an_error_and_no_loss(world: World) -> None:
    """PutEvents may fail in part with status 200: the invocation fails and is repeated."""
    from unittest.mock import patch

    failed = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}
    with patch.object(World, "_publish", lambda *_: failed), pytest.raises(Retryable) as error:
        world.invoke("raise_signal", sample("alarm/service_down"))
    assert error.value.code == "bus.rejected"
    assert "InternalFailure" in error.value.message


def test_the_first_signal_opens_an_incident_and_starts_one_machine(world: World) -> None:
    """The incident's name is the execution's name; the subject points to it; the journal begins."""
    sick, _ = world.instances()
    answer = world.invoke("open_incident", raised(world, sick))
    incident = world.incident(answer["incident_id"])
    assert answer["answer"] == "opened"
    assert (incident.state, incident.group, incident.subject) == ("open", "web-prod", sick)
    assert world.executions() == [incident.incident_id]
    assert world.subject(sick).open_incident == incident.incident_id
    assert world.story(incident.incident_id) == [("opened", "opened")]
    assert world.events("IncidentOpened")[0]["incident_id"] == incident.incident_id


def test_the_same_signal_again_changes_nothing(world: World) -> None:
    """EventBridge delivers at least once."""
    sick, _ = world.instances()
    signal = raised(world, sick)
    first = world.invoke("open_incident", signal)
    again = world.invoke("open_incident", signal)
    assert again == {"answer": "duplicate", "incident_id": first["incident_id"]}
    assert world.executions() == [first["incident_id"]]
    assert len(world.events("IncidentOpened")) == 1
    assert world.story(first["incident_id"]) == [("opened", "opened")]


def test_a_delivery_that_died_before_it_started_the_machine_is_made_good(world: World) -> None:
    """The incident is stored, the start failed: the repeated delivery starts it."""
    sick, _ = world.instances()
    signal = raised(world, sick)
    world.broken["sfn.StartExecution"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        world.invoke("open_incident", signal)
    assert world.executions() == []
    world.broken.clear()
    assert world.invoke("open_incident", signal)["answer"] == "duplicate"
    assert world.executions() == [world.subject(sick).open_incident]


def test_an_older_signal_is_stale(world: World) -> None:
    """Alarms speak unordered: what is older than what is known says nothing new."""
    sick, _ = world.instances()
    old = raised(world, sick)
    world.pass_time(5)
    opened = world.invoke("open_incident", raised(world, sick))
    assert world.invoke("open_incident", old) == {"answer": "stale", "incident_id": opened["incident_id"]}
    assert world.story(opened["incident_id"]) == [("opened", "opened")]


def test_a_second_symptom_joins(world: World) -> None:
    """One open incident per subject: its version grows, no second machine starts."""
    sick, _ = world.instances()
    first = world.invoke("open_incident", raised(world, sick))["incident_id"]
    version = world.incident(first).version
    world.pass_time(1)
    answer = world.invoke("open_incident", raised(world, sick, "disk_full"))
    assert answer == {"answer": "joined", "incident_id": first}
    incident = world.incident(first)
    assert set(incident.symptoms) == {"service_down", "disk_full"}
    assert incident.version == version + 1
    assert world.executions() == [first]
    assert world.story(first) == [("opened", "opened"), ("joined", "joined")]


def test_two_subjects_have_two_incidents(world: World) -> None:
    """Each node is its own problem; storms are another guard's business."""
    one, other = world.instances()
    opened = {world.speak(node)["incident_id"] for node in (one, other)}
    assert len(opened) == 2
    assert world.executions() == sorted(opened)


def test_the_loser_of_a_race_to_open_raises_conflict_and_then_joins(world: World) -> None:
    """Two symptoms at once: a conditional put decides, the retry of the loser joins the winner."""
    sick, _ = world.instances()
    disk, service = raised(world, sick, "disk_full"), raised(world, sick)
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.invoke("open_incident", service)
    with pytest.raises(Conflict) as lost:
        world.invoke("open_incident", disk)
    assert "subject" in lost.value.context["lost"]
    winner = world.subject(sick).open_incident
    assert world.invoke("open_incident", disk) == {"answer": "joined", "incident_id": winner}
    assert world.executions() == [winner]
    assert set(world.incident(winner).symptoms) == {"service_down", "disk_full"}


def test_a_signal_that_joins_while_the_incident_changes_is_not_lost(world: World) -> None:
    """The join is conditioned on what was read; its retry joins the newer version."""
    sick, _ = world.instances()
    incident_id = world.invoke("open_incident", raised(world, sick))["incident_id"]
    world.pass_time(1)
    disk = raised(world, sick, "disk_full")

    def other_writer() -> None:
        note = Note("admission", "admit_incident", "wait", "why", {})
        world.incidents.record(world.incident(incident_id), clock.now(), note)

    world.meanwhile["dynamodb.TransactWriteItems"] = other_writer
    with pytest.raises(Conflict):
        world.invoke("open_incident", disk)
    assert world.invoke("open_incident", disk)["answer"] == "joined"
    assert world.story(incident_id) == [("opened", "opened"), ("admission", "wait"), ("joined", "joined")]


def test_after_a_heal_the_next_alarm_opens_a_new_incident(world: World) -> None:
    """Healed is over: the relapse is a new problem, with the cool-down in between."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    first, _ = heal(world, sick)
    world.fall_ill(sick)
    second = world.speak(sick)["incident_id"]
    assert second != first
    healed_at = world.node(sick).healed["service_down"][-1]
    answer = world.invoke("admit_incident", {"incident_id": second})
    assert answer["next"] == "WaitUntil"
    assert healed_at in answer["reason"]


def test_an_escalated_incident_that_fell_quiet_and_is_raised_again_is_replaced(world: World) -> None:
    """Its alarm was quiet in between, or it could not be raised: a new problem, healed anew."""
    sick, _ = world.instances()
    world.cures = set()
    world.endings["RestartService"] = world.endings["InstallRelease"] = ("Failed", "no")
    world.refreshes = [{"Status": "InProgress"}]
    world.fall_ill(sick)
    first, _ = heal(world, sick)
    assert world.incident(first).state == "escalated"
    world.pass_time(5)
    answer = world.speak(sick)
    assert answer["answer"] == "opened"
    assert answer["incident_id"] != first
    assert world.incident(first).state == "resolved"
    assert world.subject(sick).open_incident == answer["incident_id"]
    assert world.story(first)[-1] == ("closed", "resolved")


def test_a_node_outside_the_inventory_is_suppressed_and_nothing_is_done(world: World) -> None:
    """Somebody else's instance: an incident that says so, and no action."""
    stranger = "i-00000000000000000"
    sent = len(world.ssm.commands)
    incident_id = world.speak(stranger)["incident_id"]
    Machine(world, incident_id).run()
    incident = world.incident(incident_id)
    assert (incident.state, incident.levels) == ("suppressed", ())
    assert "not in the inventory" in incident.reason
    assert len(world.ssm.commands) == sent
    assert world.pages() == []
    assert world.subject(stranger).open_incident == ""
