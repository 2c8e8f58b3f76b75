"""The whole loop when something is in its way: pauses, dead agents, closed groups, wrong releases."""

from __future__ import annotations

import pytest

from nightshift.aws import session
from nightshift.aws.intents import RETRIES
from nightshift.fleet import Release
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, TaskFailed, heal
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.samples import sample
from tests.stack import state_machine


def test_while_paused_nothing_is_done_and_afterwards_it_heals(world: World) -> None:
    """The kill switch delays; however often the machine asks, the journal says so once."""
    sick, _ = world.instances()
    world.pause()
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    sent = len(world.ssm.commands)
    for _ in range(4):
        Machine(world, incident_id).run(until="WaitUntil")
        world.pass_time(5)
    assert len(world.ssm.commands) == sent
    assert world.story(incident_id) == [("opened", "opened"), ("admission", "wait")]
    world.resume()
    Machine(world, incident_id).run()
    over(world, incident_id, "healed")


def test_a_remedy_that_failed_is_not_verified_but_followed_by_the_next(world: World) -> None:
    """Its document said no: waiting for a cure would be wasted time."""
    sick, _ = world.instances()
    world.cures.remove("RestartService")
    world.endings["RestartService"] = ("Failed", "web did not start")
    world.fall_ill(sick)
    incident_id, machine = heal(world, sick)
    over(world, incident_id, "healed")
    first = world.incident(incident_id).levels[0]
    assert (first.outcome, first.detail) == ("failed", "Failed: web did not start")
    assert machine.visited.count("VerifyHealth") <= 3


def test_a_command_that_never_ends_does_not_hold_the_incident_for_ever(world: World) -> None:
    """The step's timeout leads to a look at the node: dead or not, its samples tell."""
    sick, _ = world.instances()
    world.stuck = True
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    machine = Machine(world, incident_id)
    machine.run(until="VerifyHealth")
    assert machine.visited == ["AdmitIncident", "IsItAdmitted", "ApplyRemedy"]
    world.get_well(sick)
    world.pass_time(5)
    assert world.invoke("verify_health", {"incident_id": incident_id})["next"] == "CloseIncident"


def test_an_agent_that_comes_back_in_time_costs_only_a_retry(world: World) -> None:
    """A node that is offline for some seconds is asked again, with the same step and a new token."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    world.ssm.offline.add(sick)
    tries = iter(range(10))

    def online_at_third() -> None:
        world.meanwhile["ssm.SendCommand"] = online_at_third
        if next(tries) == 2:
            world.ssm.offline.clear()

    world.meanwhile["ssm.SendCommand"] = online_at_third
    Machine(world, incident_id).run()
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]
    assert [one.parameters["StepId"] for one in world.ssm.commands[2:]] == [f"{incident_id}-restart-service"]


def test_an_agent_that_stays_away_is_a_failed_rung_and_no_dead_machine(world: World) -> None:
    """The last try concludes the step with its reason; the ladder goes on as far as it may; one page."""
    sick, _ = world.instances()
    sent = len(world.ssm.commands)
    world.ssm.offline.add(sick)
    world.fall_ill(sick)
    incident_id, machine = heal(world, sick)
    over(world, incident_id, "escalated")
    assert levels(world, incident_id) == [
        (1, "restart_service", "failed"),
        (2, "rebuild_container", "failed"),
    ]
    assert "a dead agent alone never replaces a node" in world.incident(incident_id).reason
    first = world.incident(incident_id).levels[0]
    assert first.detail == f"command.node_offline: {sick} has no agent that is online"
    assert [one["succeeded"] for one in world.events("RemedyApplied")] == [False, False]
    assert machine.visited.count("VerifyHealth") == 0
    assert len(world.ssm.commands) == sent
    world.deliver("IncidentEscalated")
    (page,) = world.pages()
    assert "command.node_offline" in page["Message"]


def test_an_agent_that_comes_back_at_the_last_try_is_asked_once_more(world: World) -> None:
    """Five retries: the sixth call still sends before anything is given up."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    world.ssm.offline.add(sick)
    tries = iter(range(10))

    def online_at_sixth() -> None:
        world.meanwhile["ssm.SendCommand"] = online_at_sixth
        if next(tries) == RETRIES:
            world.ssm.offline.clear()

    world.meanwhile["ssm.SendCommand"] = online_at_sixth
    Machine(world, incident_id).run()
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]


@pytest.mark.parametrize(
    ("call", "code", "level", "detail"),
    [
        ("ssm.SendCommand", "ThrottlingException", 0, "command.throttled"),
        ("auto-scaling.TerminateInstanceInAutoScalingGroup", "ScalingActivityInProgress", 2, "group.busy"),
    ],
)
def test_a_service_that_stays_busy_is_a_failed_rung(
    world: World, call: str, code: str, level: int, detail: str
) -> None:
    """Throttled to the last try: nothing was done, and the incident says so."""
    sick, _ = world.instances()
    world.cures = set()
    world.broken[call] = code
    world.refreshes = [{"Status": "InProgress"}] if level == 0 else []
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    over(world, incident_id, "escalated")
    assert world.incident(incident_id).levels[level].detail.startswith(f"{detail}: ")
    assert sick in world.instances()


@pytest.mark.parametrize("state", ["ApplyRemedy", "ReplaceNode"])
def test_the_machine_and_the_functions_agree_on_the_last_try(state: str) -> None:
    """Who tries, and who knows which try is the last, are two files."""
    task = state_machine()["States"][state]
    assert {rule["MaxAttempts"] for rule in task["Retry"]} == {0, RETRIES}
    assert task["Arguments"]["Payload"]["tries"] == "{% $states.context.State.RetryCount %}"


def test_a_machine_that_dies_gives_the_lease_back_and_a_person_is_paged(world: World) -> None:
    """What nobody foresaw: the execution fails, and its status event closes the incident."""
    sick, _ = world.instances()
    world.broken["ssm.SendCommand"] = "SomethingNobodyForesaw"
    world.fall_ill(sick)
    with pytest.raises(TaskFailed, match="SomethingNobodyForesaw") as failed:
        heal(world, sick)
    assert failed.value.error == "ClientError"
    incident_id = world.subject(sick).open_incident
    assert sick in world.group().leases
    event = sample("states/failed")
    event["detail"].update(name=incident_id, error="ClientError", cause='{"errorMessage": "nobody knows"}')
    assert world.invoke("close_incident", event)["state"] == "escalated"
    assert world.group().leases == {}
    assert world.incident(incident_id).reason == "the machine ended FAILED: ClientError: nobody knows"
    world.deliver("IncidentEscalated")
    (page,) = world.pages()
    assert "nobody knows" in page["Message"]
    assert len(world.ssm.commands) == 2


def test_a_group_that_must_not_be_touched_is_not_and_a_person_is_paged(world: World) -> None:
    """Suspended processes: terminating would lose the node; the refusal is the step's result."""
    sick, _ = world.instances()
    world.cures = set()
    session.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    before = world.instances()
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    assert world.instances() == before
    ended = world.incident(incident_id)
    assert ended.state == "escalated"
    assert ended.levels[2].detail.startswith("group.suspended: ")
    (page,) = world.pages()
    assert "group.suspended" in page["Message"]


def test_a_release_that_no_document_takes_is_refused_before_anything_is_sent(world: World) -> None:
    """A parameter outside its allowedPattern: the code is kept, the next rung is tried."""
    sick, _ = world.instances()
    world.cures.remove("RestartService")
    world.fall_ill(sick)
    bad = Release(version="1.0 beta; reboot", key="releases/web/x.tar.gz", sha256="ab" * 32)
    world.groups.desire(GROUP, bad)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    machine = Machine(world, incident_id)
    world.pass_time(1)
    machine.run(until="ReplaceNode")
    assert levels(world, incident_id)[1] == (2, "rebuild_container", "failed")
    detail = world.incident(incident_id).levels[1].detail
    assert detail.startswith("command.refused: Nightshift-InstallRelease was refused: InvalidParameters")
    assert all(one.document != "Nightshift-InstallRelease" for one in world.ssm.commands[2:])
    assert ("result", "failed") in world.story(incident_id)


def test_a_symptom_that_joins_during_the_repair_must_be_gone_too(world: World) -> None:
    """The disk fills while the service is restarted: not healed before both are well."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    Machine(world, incident_id).run(until="VerifyHealth")
    world.fall_ill(sick, "disk_full", 8)
    joined = world.speak(sick, "disk_full")
    assert joined == {"answer": "joined", "incident_id": incident_id}
    Machine(world, incident_id).run()
    over(world, incident_id, "healed")
    assert [one.remedy for one in world.incident(incident_id).levels] == ["restart_service", "clean_disk"]
    assert ("joined", "joined") in world.story(incident_id)
