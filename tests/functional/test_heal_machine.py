"""The whole loop, from the alarm to the end of the heal machine, over the real definition and handlers."""

from __future__ import annotations

from nightshift import clock
from nightshift.aws import session
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, heal
from tests.functional.world import World
from tests.stack import stack


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


def test_the_definition_names_every_function_that_it_invokes() -> None:
    """The walker and the real machine go by the same substitutions."""
    functions = set(stack().functions)
    world = World()
    assert set(Machine(world, "inc")._functions.values()) <= functions
