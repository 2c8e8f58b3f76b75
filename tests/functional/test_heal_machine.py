"""The whole loop, from the alarm to the end of the heal machine, over the real definition and handlers."""

from __future__ import annotations

import pytest

from nightshift import clock
from nightshift.aws import session
from nightshift.incident import Pause, Release
from tests.functional.machine import Machine, TaskFailed, heal
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack


def levels(world: World, incident_id: str) -> list[tuple[int, str, str]]:
    """What was tried and what came of it."""
    return [(one.level, one.remedy, one.outcome) for one in world.incident(incident_id).levels]


def over(world: World, incident_id: str, state: str) -> None:
    """The incident ended in ``state`` and gave everything back; its journal is whole."""
    ended = world.incident(incident_id)
    assert ended.state == state
    assert ended.closed_at
    assert world.group().leases == {}
    assert world.group().replacements == {}
    assert world.story(incident_id)[-1] in {("closed", state), ("page", "sent")}


def test_a_dead_service_is_restarted(world: World) -> None:
    """Level 1: one command, verified on newer samples, and the subject is free again."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]
    (command,) = [one for one in world.ssm.commands if one.document == "Nightshift-RestartService"]
    assert command.parameters == {
        "Service": "web",
        "StepId": f"{incident_id}-restart-service",
        "Fence": "1",
    }
    assert world.subject(sick).open_incident == ""
    assert world.story(incident_id) == [
        ("opened", "opened"),
        ("admission", "allow"),
        ("intent", "act"),
        ("result", "succeeded"),
        ("verification", "healthy"),
        ("closed", "healed"),
    ]
    (healed,) = world.events("IncidentHealed")
    assert (healed["level"], healed["incident_id"]) == (1, incident_id)
    assert healed["seconds"] > 0
    assert world.pages() == []


def test_a_broken_release_is_rebuilt(world: World) -> None:
    """Level 2: a restart did not help, the release is fetched again by a link that needs no credentials."""
    sick, _ = world.instances()
    world.cures.remove("RestartService")
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [
        (1, "restart_service", "failed"),
        (2, "rebuild_container", "healed"),
    ]
    parameters = world.ssm.last.parameters
    assert (parameters["Mode"], parameters["Version"], parameters["Sha256"]) == (
        "rebuild",
        "1.0.0",
        "ab" * 32,
    )
    assert "releases/web/1.0.0.tar.gz" in parameters["Url"]
    assert "Signature" in parameters["Url"]
    assert int(parameters["Fence"]) == 2


def test_a_wrecked_node_is_replaced_and_its_successor_serves(world: World) -> None:
    """Level 3: the group launches a fresh node, which inherits incident, attempts and lease."""
    sick, other = world.instances()
    world.cures = {"Welcome"}
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    over(world, incident_id, "healed")
    assert levels(world, incident_id)[2] == (3, "replace_node", "healed")
    (successor,) = set(world.instances()) - {other}
    fresh, gone = world.node(successor), world.node(sick)
    assert (fresh.state, fresh.replaces, fresh.release) == ("in_service", sick, "1.0.0")
    assert (gone.state, gone.replaced_by) == ("terminated", successor)
    assert [one.remedy for one in fresh.attempts] == ["restart_service", "rebuild_container", "replace_node"]
    assert "service_down" in fresh.healed
    assert world.incident(incident_id).node_id == successor
    assert world.subject(sick).open_incident == world.subject(successor).open_incident == ""
    assert ("succeeded", "replaced") in world.story(incident_id)
    alarms = session.client("cloudwatch").describe_alarms()["MetricAlarms"]
    watched = {alarm["Dimensions"][0]["Value"] for alarm in alarms}
    assert watched == {other, successor}


def test_what_nothing_heals_is_paged_exactly_once(world: World) -> None:
    """Every rung was tried: one page that says so, whoever else asks for it afterwards."""
    sick, _ = world.instances()
    world.cures = set()
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    over(world, incident_id, "escalated")
    world.deliver("IncidentEscalated")
    world.deliver("IncidentEscalated")
    (page,) = world.pages()
    assert "service_down" in page["Subject"]
    for remedy in ("restart_service", "rebuild_container", "replace_node"):
        assert f"{remedy}: failed" in page["Message"]
    assert incident_id in page["Message"]
    assert world.subject(sick).open_incident == incident_id


def test_a_full_disk_is_cleaned_and_not_restarted(world: World) -> None:
    """Each symptom has its own ladder."""
    sick, _ = world.instances()
    world.fall_ill(sick, "disk_full")
    incident_id, _ = heal(world, sick, "disk_full")
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [(1, "clean_disk", "healed")]
    assert world.ssm.last.document == "Nightshift-CleanDisk"


def test_a_spike_is_left_alone(world: World) -> None:
    """The alarm fired, the symptom is gone before it lasted: nothing was sent, nobody is woken."""
    sick, _ = world.instances()
    sent = len(world.ssm.commands)
    world.fall_ill(sick, "cpu_sustained", 5)
    world.speak(sick, "cpu_sustained", held=5)
    incident_id = world.subject(sick).open_incident
    machine = Machine(world, incident_id)
    machine.run(until="WaitUntil")
    world.get_well(sick)
    machine = Machine(world, incident_id)
    world.pass_time(10)
    machine.run()
    over(world, incident_id, "suppressed")
    assert "went away by itself" in world.incident(incident_id).reason
    assert len(world.ssm.commands) == sent
    assert world.pages() == []
    assert world.events("IncidentSuppressed")


def test_sustained_cpu_is_healed_after_its_duration_and_not_before(world: World) -> None:
    """Five seconds of fifteen: the machine waits for the rest, counted once, and then acts."""
    sick, _ = world.instances()
    began = clock.now()
    world.fall_ill(sick, "cpu_sustained", 5)
    world.speak(sick, "cpu_sustained", held=5)
    incident_id = world.subject(sick).open_incident
    machine = Machine(world, incident_id)
    machine.run()
    over(world, incident_id, "healed")
    assert "WaitUntil" in machine.visited
    acted = clock.parse(world.incident(incident_id).levels[0].started_at)
    assert 15 <= (acted - began).total_seconds() <= 17
    assert world.story(incident_id)[:3] == [
        ("opened", "opened"),
        ("admission", "wait"),
        ("admission", "allow"),
    ]


def test_while_paused_nothing_is_done_and_afterwards_it_heals(world: World) -> None:
    """The kill switch delays; however often the machine asks, the journal says so once."""
    sick, _ = world.instances()
    world.groups.set_pause(Pause(by="ada", why="change", at=clock.iso(clock.now())))
    world.fall_ill(sick)
    world.speak(sick)
    incident_id = world.subject(sick).open_incident
    sent = len(world.ssm.commands)
    for _ in range(4):
        Machine(world, incident_id).run(until="WaitUntil")
        world.pass_time(5)
    assert len(world.ssm.commands) == sent
    assert world.story(incident_id) == [("opened", "opened"), ("admission", "wait")]
    world.groups.set_pause(None)
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


def test_a_machine_that_dies_gives_the_lease_back_and_a_person_is_paged(world: World) -> None:
    """No agent for good: the execution fails, and its status event closes the incident."""
    sick, _ = world.instances()
    world.ssm.offline.add(sick)
    world.fall_ill(sick)
    with pytest.raises(TaskFailed, match=r"command\.node_offline") as failed:
        heal(world, sick)
    assert failed.value.error == "Retryable"
    incident_id = world.subject(sick).open_incident
    assert sick in world.group().leases
    event = sample("states/failed")
    event["detail"].update(name=incident_id, error="Retryable", cause='{"errorMessage": "node is offline"}')
    assert world.invoke("close_incident", event)["state"] == "escalated"
    assert world.group().leases == {}
    assert world.incident(incident_id).reason == "the heal machine ended FAILED: Retryable: node is offline"
    world.deliver("IncidentEscalated")
    (page,) = world.pages()
    assert "node is offline" in page["Message"]
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


def test_the_definition_names_every_function_that_it_invokes() -> None:
    """The walker and the real machine go by the same substitutions."""
    functions = set(stack().functions())
    world = World()
    assert set(Machine(world, "inc")._functions.values()) <= functions
