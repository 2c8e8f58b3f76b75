"""Alarms whose event was lost, and symptoms that came back under a standing alarm."""

from __future__ import annotations

import json

import pytest

from nightshift.aws import tables
from nightshift.errors import Retryable
from tests.functional.machine import Machine, heal
from tests.functional.sweeping import follow, stand, sweep
from tests.functional.world import World
from tests.stack import stack


def test_a_quiet_fleet_has_nothing_to_sweep(world: World) -> None:
    """No sentence, no event, no write."""
    assert sweep(world) == []
    assert world.published == []


def test_a_lost_alarm_is_found_after_a_minute_and_healed(world: World) -> None:
    """Not before: its event may still be on its way. Then the machine heals as if it had come."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    world.pass_time(30)
    assert sweep(world) == []
    world.pass_time(40)
    (said,) = sweep(world)
    assert sick in said
    incident_id = world.deliver("SignalRaised")["incident_id"]
    Machine(world, incident_id).run()
    assert world.incident(incident_id).state == "healed"


def test_two_sweeps_at_once_open_one_incident(world: World) -> None:
    """Both publish the same signal; the second is a duplicate. A later round finds it heard."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    world.pass_time(70)
    sweep(world)
    sweep(world)
    assert [world.deliver("SignalRaised", index)["answer"] for index in (0, 1)] == ["opened", "duplicate"]
    assert len(world.executions()) == 1
    assert sweep(world) == []


def test_the_alarm_that_comes_late_is_the_signal_that_the_sweep_gave(world: World) -> None:
    """The event says the same instant as the alarm itself: no second incident, no second symptom."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    late = world.alarm(sick)
    world.pass_time(70)
    sweep(world)
    assert world.deliver("SignalRaised")["answer"] == "opened"
    world.invoke("raise_signal", late)
    assert world.deliver("SignalRaised")["answer"] == "duplicate"


def test_an_alarm_that_was_heard_is_left_alone(world: World) -> None:
    """While its incident is open, however long that takes."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    world.speak(sick)
    world.pass_time(600)
    assert sweep(world) == []


def test_a_second_symptom_whose_event_was_lost_joins(world: World) -> None:
    """The incident is open for another alarm; this one was not heard."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    stand(sick, "ALARM", "disk_full")
    world.pass_time(70)
    sweep(world)
    assert world.deliver("SignalRaised")["answer"] == "joined"


def test_a_symptom_that_came_back_under_its_alarm_is_raised_once_more(world: World) -> None:
    """An alarm speaks only when it changes: healed, ill again, and it never left ALARM."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    first, _ = heal(world, sick)
    assert world.incident(first).state == "healed"
    world.fall_ill(sick)
    assert sweep(world) == []
    world.pass_time(75)
    sweep(world)
    world.pass_time(20)
    sweep(world)
    again = [world.deliver("SignalRaised", index) for index in (-2, -1)]
    assert [one["answer"] for one in again] == ["opened", "duplicate"]
    assert again[0]["incident_id"] != first
    assert world.events("SignalRaised")[-1]["reason"].startswith(f"still in ALARM after {first} ended")
    assert sweep(world) == []


def test_an_alarm_that_fell_quiet_unheard_resolves_its_escalated_incident(world: World) -> None:
    """A page whose alarm is long OK would hold its subject for ever."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    world.fates[world.speak(sick)["incident_id"]] = {"status": "ABORTED"}
    world.pass_time(70)
    sweep(world)
    follow(world)
    world.deliver("IncidentEscalated")
    stand(sick, "OK")
    world.pass_time(70)
    (said,) = sweep(world)
    assert "SignalCleared" in said
    sweep(world)
    assert world.deliver("SignalCleared", -2)["state"] == "resolved"
    assert world.deliver("SignalCleared", -1)["state"] == "none"
    assert sweep(world) == []


def test_an_open_incident_hears_too_that_its_alarm_is_quiet(world: World) -> None:
    """It only remembers: the machine goes on to verify."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    world.speak(sick)
    world.pass_time(5)
    stand(sick, "OK")
    world.pass_time(70)
    sweep(world)
    assert world.deliver("SignalCleared")["state"] == "open"
    assert sweep(world) == []


def test_the_alarm_of_a_node_that_left_is_nobodys(world: World) -> None:
    """Between its end and the deletion of its alarms."""
    gone, _ = world.instances()
    stand(gone, "ALARM")
    tables.write(world.nodes.change(gone, state="terminated"))
    world.pass_time(70)
    assert sweep(world) == []


def test_one_failing_sweep_stops_no_other_and_is_not_silent(world: World) -> None:
    """All run, then the invocation fails with the name of the one that did."""
    sick, _ = world.instances()
    stand(sick, "ALARM")
    world.pass_time(70)
    world.broken["dynamodb.Query"] = "ServiceUnavailable"
    with pytest.raises(Retryable) as failed:
        sweep(world)
    assert failed.value.code == "sweep.failed"
    assert "alarms_without_incident" in failed.value.message
    world.broken = {"cloudwatch.DescribeAlarms": "ServiceUnavailable"}
    with pytest.raises(Retryable, match="alarms_without_incident"):
        sweep(world)
    world.broken.clear()
    assert len(sweep(world)) == 1


def test_a_complete_round_is_a_heartbeat(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """With the dimensions that the alarm reads; a round with a failure has none."""
    sweep(world)
    alarm = stack().of_type("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
    (beat,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"Heartbeat"' in line]
    assert beat["_aws"]["CloudWatchMetrics"][0]["Namespace"] == alarm["Namespace"]
    assert set(beat["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) == {"service", "FunctionName"}
    assert beat["Found"] == [0.0]
    assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
        name: beat[name] for name in ("service", "FunctionName")
    }
    world.broken["dynamodb.Query"] = "ServiceUnavailable"
    with pytest.raises(Retryable):
        sweep(world)
    assert '"Heartbeat"' not in capsys.readouterr().out
