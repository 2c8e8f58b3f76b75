"""close_incident: how an incident ends, once, and what it gives back."""

from __future__ import annotations

import json

import pytest

from nightshift.errors import Conflict, Permanent, Refused
from tests.functional.machine import Machine, heal
from tests.functional.world import World
from tests.samples import sample


def repaired(world: World) -> tuple[str, str, dict[str, object]]:
    """A node that is well again, its incident, and the machine's order to close it as healed."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    return sick, incident_id, Machine(world, incident_id).run(until="CloseIncident")


def escalated(world: World) -> tuple[str, str]:
    """A node that a person was paged about, and its incident."""
    sick, _ = world.instances()
    world.cures = set()
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")}
    world.refreshes = [{"Status": "InProgress"}]
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    assert world.incident(incident_id).state == "escalated"
    return sick, incident_id


def test_a_healed_incident_frees_its_subject_and_remembers_the_heal(world: World) -> None:
    """Lease given back, subject free, cool-down begun: all in one transaction."""
    sick, incident_id, request = repaired(world)
    assert sick in world.group().leases
    assert world.invoke("close_incident", request)["state"] == "healed"
    assert world.group().leases == {}
    assert world.subject(sick).open_incident == ""
    assert world.node(sick).healed["service_down"][-1] == world.incident(incident_id).closed_at


def test_closing_again_publishes_again_and_changes_nothing(world: World) -> None:
    """The machine's retry after a lost answer: the listeners know duplicates."""
    _, incident_id, request = repaired(world)
    world.invoke("close_incident", request)
    before = world.incident(incident_id)
    world.pass_time(5)
    assert world.invoke("close_incident", request)["next"] == "Done"
    assert world.incident(incident_id) == before
    assert world.story(incident_id).count(("closed", "healed")) == 1
    assert len(world.events("IncidentHealed")) == 2


def test_a_symptom_that_joined_after_the_verification_is_verified_first(world: World) -> None:
    """The version that was verified is not the one that stands there now: back to verify, not closed."""
    sick, incident_id, request = repaired(world)
    world.fall_ill(sick, "disk_full", 1)
    world.speak(sick, "disk_full")
    answer = world.invoke("close_incident", request)
    assert (answer["next"], answer["state"]) == ("VerifyHealth", "open")
    assert world.incident(incident_id).state == "open"
    assert sick in world.group().leases
    assert world.events("IncidentHealed") == []


def test_a_symptom_that_joins_in_the_very_moment_of_closing_wins(world: World) -> None:
    """The loser of the race raises Conflict, and the machine's retry is sent back to verify."""
    sick, incident_id, request = repaired(world)
    world.fall_ill(sick, "disk_full", 1)
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.speak(sick, "disk_full")
    with pytest.raises(Conflict) as lost:
        world.invoke("close_incident", request)
    assert "incident" in lost.value.context["lost"]
    assert world.invoke("close_incident", request)["next"] == "VerifyHealth"
    assert set(world.incident(incident_id).symptoms) == {"service_down", "disk_full"}


def test_a_signal_that_comes_in_the_very_moment_of_closing_opens_a_new_incident(world: World) -> None:
    """The other way round: closing wins, and the joiner's retry finds a free subject. No signal is lost."""
    sick, incident_id, request = repaired(world)
    world.fall_ill(sick, "disk_full", 1)
    world.invoke("raise_signal", world.alarm(sick, "disk_full"))
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.invoke("close_incident", request)
    with pytest.raises(Conflict):
        world.deliver("SignalRaised")
    answer = world.deliver("SignalRaised")
    assert answer["answer"] == "opened"
    assert answer["incident_id"] != incident_id
    assert world.incident(incident_id).state == "healed"


def test_an_escalated_incident_keeps_its_subject_until_a_person_is_done(world: World) -> None:
    """Further signals join it: one page per problem; the lease is given back at once."""
    sick, incident_id = escalated(world)
    assert world.group().leases == {}
    assert world.subject(sick).open_incident == incident_id
    world.pass_time(1)
    assert world.speak(sick, "disk_full") == {"answer": "joined", "incident_id": incident_id}
    assert len(world.pages()) == 1


def test_an_escalated_incident_is_resolved_when_its_alarm_falls_quiet(world: World) -> None:
    """The person mended it: the next alarm is a new problem."""
    sick, incident_id = escalated(world)
    world.get_well(sick)
    world.pass_time(10)
    assert world.speak(sick, state="OK")["state"] == "resolved"
    assert world.subject(sick).open_incident == ""
    assert world.story(incident_id)[-1] == ("closed", "resolved")


def test_it_is_resolved_only_when_every_joined_alarm_is_quiet(world: World) -> None:
    """One of two is not enough."""
    sick, incident_id = escalated(world)
    world.pass_time(1)
    world.speak(sick, "disk_full")
    world.pass_time(5)
    assert world.speak(sick, state="OK")["state"] == "escalated"
    assert world.subject(sick).open_incident == incident_id
    world.pass_time(5)
    assert world.speak(sick, "disk_full", state="OK")["state"] == "resolved"


def test_a_quiet_alarm_that_is_older_than_the_signal_resolves_nothing(world: World) -> None:
    """Events come unordered: OK before ALARM is no recovery."""
    sick, _ = world.instances()
    world.invoke("raise_signal", world.alarm(sick, state="OK"))
    escalated(world)
    assert world.deliver("SignalCleared")["state"] == "escalated"


def test_a_quiet_alarm_leaves_an_open_incident_to_its_machine(world: World) -> None:
    """Colours are not samples: the machine verifies. That the alarm is quiet is remembered, once."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    world.pass_time(1)
    assert world.speak(sick, state="OK")["state"] == "open"
    assert world.deliver("SignalCleared")["state"] == "open"
    assert world.incident(incident_id).state == "open"
    assert world.story(incident_id) == [("opened", "opened"), ("cleared", "open")]


def test_an_escalation_whose_alarm_is_quiet_already_does_not_hold_its_subject(world: World) -> None:
    """No alarm would ever resolve it: the page is sent, and the node's next alarm is healed anew."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    world.pass_time(1)
    world.speak(sick, state="OK")
    event = sample("states/failed")
    event["detail"]["name"] = incident_id
    world.invoke("close_incident", event)
    assert world.deliver("IncidentEscalated")["sent"] == ["sns"]
    assert world.subject(sick).open_incident == ""
    world.pass_time(1)
    assert world.speak(sick, "disk_full")["answer"] == "opened"


def test_a_quiet_alarm_about_nothing_open_is_nothing(world: World) -> None:
    """Most alarms that fall quiet were healed long before."""
    sick, _ = world.instances()
    assert world.speak(sick, state="OK") == {"incident_id": "", "next": "Done", "state": "none"}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_whatever_way_a_machine_dies_its_incident_is_escalated(world: World, status: str) -> None:
    """Leases are given back even then, and a person is asked by the event."""
    sick, incident_id, _ = repaired(world)
    event = sample("states/failed")
    event["detail"].update(name=incident_id, status=status, error=None, cause=None)
    assert world.invoke("close_incident", event)["state"] == "escalated"
    assert world.group().leases == {}
    assert world.subject(sick).open_incident == incident_id
    (told,) = world.events("IncidentEscalated")
    assert told["reason"] == f"the machine ended {status}: "


def test_a_machine_that_dies_after_its_incident_was_closed_changes_nothing(world: World) -> None:
    """A late or repeated status event finds it healed."""
    _, incident_id, request = repaired(world)
    world.invoke("close_incident", request)
    event = sample("states/failed")
    event["detail"]["name"] = incident_id
    assert world.invoke("close_incident", event)["state"] == "healed"
    assert world.events("IncidentEscalated") == []


def test_time_to_heal_is_a_metric_and_escalations_have_none(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Embedded metric format on the standard output: counted by outcome."""
    _, _, request = repaired(world)
    capsys.readouterr()
    world.invoke("close_incident", request)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (lines[0]["Outcome"], lines[0]["Incidents"]) == ("healed", [1.0])
    assert lines[0]["TimeToHeal"][0] > 0
    escalated(world)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert lines[-1]["Outcome"] == "escalated"
    assert "TimeToHeal" not in lines[-1]


def test_an_unknown_incident_or_request_is_refused(world: World) -> None:
    """Stable codes, no effect."""
    with pytest.raises(Permanent) as unknown:
        world.invoke("close_incident", sample("heal/close_incident"))
    assert unknown.value.code == "incident.unknown"
    with pytest.raises(Refused) as refused:
        world.invoke("close_incident", {**sample("heal/close_incident"), "outcome": "ignored"})
    assert refused.value.code == "event.unknown_shape"


def test_an_execution_that_is_none_of_ours_is_permanent(world: World) -> None:
    """The rule hears our machine only; a name that is no incident is still an error, not a guess."""
    with pytest.raises(Permanent):
        world.invoke("close_incident", sample("states/failed"))
