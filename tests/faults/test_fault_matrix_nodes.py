"""The fault matrix, rows 24 to 27: commands that end late or never, nodes that die, no capacity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from moto.autoscaling.models import FakeAutoScalingGroup

from nightshift.aws import session
from nightshift.aws.commands import DELIVERY_SECONDS
from nightshift.decisions.efficacy import NEVER_RAN
from tests.faults.life import Mail, effects, terminations
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, turn
from tests.functional.staging import POLICY, made
from tests.functional.state import GROUP
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World

LEASE = 600  # seconds, in POLICY
LADDER = "[restart_service, rebuild_container, replace_node]"
SHORT = POLICY.replace(LADDER, "[restart_service, replace_node]")
REPLACE = POLICY.replace(LADDER, "[replace_node]").replace("deadline_seconds: 1200", "deadline_seconds: 7200")


def machine_of(world: World, sick: str) -> tuple[str, Machine]:
    """The node falls ill and its alarm speaks; its incident and the execution that has not moved yet."""
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    return incident_id, Machine(world, incident_id)


def ends(world: World, machine: Machine) -> None:
    """The execution moves to its end, and what is under way outside goes on."""
    while not machine.over:
        if not machine.advance() and not turn(world):
            world.time.shift(9 if machine.token else 0)
            world.pass_time(1)


def to(world: World, machine: Machine, state: str) -> None:
    """The execution moves until it waits in a state for an answer that nobody has given yet."""
    while machine.name != state or not machine.token or world.tokens[machine.token]:
        if not machine.advance():
            world.pass_time(1)


@pytest.mark.parametrize("told", ["event", "lost event", "unlisted"])
def test_row_24_a_command_that_was_never_delivered_is_over_and_the_next_rung_comes(
    world: World, told: str
) -> None:
    """Run Command cancels by itself what it could not deliver in the time that it was given. Should the agent
    get it later all the same, the node knows a higher fence by then and does nothing."""
    sick, _ = world.instances()
    with patch.object(world.ssm, "send", wraps=world.ssm.send) as sent:
        incident_id, machine = machine_of(world, sick)
        to(world, machine, "ApplyRemedy")
    assert sent.call_args.args[0]["TimeoutSeconds"] == DELIVERY_SECONDS
    late = world.ssm.last
    event = world.finish(late, "DeliveryTimedOut", "")
    if told == "event":
        world.hand("resume_step", event)
    else:
        known = world.ssm.commands.pop() if told == "unlisted" else None
        world.pass_time(2 * DELIVERY_SECONDS)
        sweep(world)
        follow(world)
        world.ssm.commands += [known] if known else []
    first = world.incident(incident_id).levels[0]
    assert (first.remedy, first.outcome) == ("restart_service", "failed")
    assert first.detail.startswith(NEVER_RAN)
    to(world, machine, "ApplyRemedy")
    assert turn(world)
    assert world.effect(late) == ("Failed", "refused: fence 1 is older than 2")
    ends(world, machine)
    over(world, incident_id, "healed")
    assert levels(world, incident_id)[1:] == [(2, "rebuild_container", "healed")]
    assert effects(world) == [("InstallRelease", sick)]
    assert set(world.group().fared) == {"service_down/rebuild_container"}
    assert (terminations(world), world.pages()) == (0, [])


@pytest.mark.parametrize("when", ["at once", "while it is timed out", "during the last look"])
def test_row_25_a_success_that_comes_late_saves_the_node(when: str) -> None:
    """The restart is given up as timed out, and then helps after all: the node is not replaced."""
    with made(SHORT) as world:
        sick, _ = world.instances()
        incident_id, machine = machine_of(world, sick)
        to(world, machine, "ApplyRemedy")
        command = world.ssm.last
        if when == "while it is timed out":
            while machine.name != "VerifyHealth":
                if not machine.advance():
                    world.pass_time(10)
        else:
            world.hand("resume_step", world.finish(command, "ExecutionTimedOut", ""))
        if when == "during the last look":
            to(world, machine, "SaveDiagnostics")
        world.hand("resume_step", world.finish(command, *world.effect(command)))  # its status flips
        world.pass_time(6)
        ends(world, machine)
        over(world, incident_id, "healed")
        assert levels(world, incident_id) == [(1, "restart_service", "healed")]
        assert effects(world) == [("RestartService", sick)]
        assert (sick in world.instances(), terminations(world)) == (True, 0)
        results = [verdict for kind, verdict in world.story(incident_id) if kind == "result"]
        assert results == ["succeeded" if when == "while it is timed out" else "failed"]
        assert world.pages() == []


def dies(world: World, sick: str) -> str:
    """EC2 takes the node, and its group launches another one, which is welcomed; that one."""
    before = set(world.instances())
    session.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=sick, ShouldDecrementDesiredCapacity=False
    )
    world.ssm.offline.add(sick)
    (fresh,) = set(world.instances()) - before
    while turn(world):
        world.pass_time(1)
    return fresh


@pytest.mark.parametrize(
    "state", ["AdmitIncident", "ApplyRemedy", "VerifyHealth", "SaveDiagnostics", "ReplaceNode"]
)
def test_row_26_a_node_that_dies_in_the_middle_closes_its_incident_and_its_successor_is_left_alone(
    state: str,
) -> None:
    """Whatever was done to it last. Nobody restarts or terminates what came in its place."""
    with made(REPLACE if state in {"SaveDiagnostics", "ReplaceNode"} else SHORT) as world:
        sick, other = world.instances()
        world.cures = {"Welcome"}
        incident_id, machine = machine_of(world, sick)
        if state == "ApplyRemedy":
            to(world, machine, state)
        else:
            machine.run(until=state)
        world.stuck = False
        for command in world.ssm.running():
            command.status = "Terminated"
        fresh = dies(world, sick)
        mail = Mail(world)
        ends(world, machine)
        mail.deliver()
        ended = world.incident(incident_id)
        assert ended.state in {"healed", "escalated", "suppressed"}
        assert world.group().leases == world.group().replacements == {}
        done = [one for one in effects(world) if one[1] == fresh]
        assert done == [("InstallRelease", fresh)]
        assert set(world.instances()) == {other, fresh}
        assert terminations(world) == 0
        assert (world.node(fresh).state, world.node(sick).state) == ("in_service", "terminated")
        assert len(world.pages()) == (1 if ended.state == "escalated" else 0)


@contextmanager
def no_capacity() -> Iterator[None]:
    """The group launches nothing: it stays at one fewer than it wants."""
    with patch.object(FakeAutoScalingGroup, "replace_autoscaling_group_instances", lambda *_: None):
        yield


@pytest.mark.parametrize("swept", [False, True], ids=["lease held", "lease reaped"])
def test_row_27_without_capacity_a_person_is_paged_and_nothing_else_is_terminated(*, swept: bool) -> None:
    """The group stays at one of two; the other node falls ill as well and is not touched. The successor that
    comes at last is a node like any other."""
    with made(REPLACE) as world:
        sick, other = world.instances()
        world.cures = {"Welcome"}
        with no_capacity():
            incident_id = in_vain(world, sick, swept=swept)
            over(world, incident_id, "escalated")
            (page,) = world.pages()
            assert "has left its group" in page["Message"]
            world.fall_ill(other)
            second = world.speak(other)["incident_id"]
            assert world.invoke("admit_incident", {"incident_id": second})["next"] == "WaitUntil"
            assert (terminations(world), world.instances()) == (1, [other])
        session.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=2)
        (fresh,) = set(world.instances()) - {other}
        while turn(world):
            world.pass_time(1)
        assert (world.node(fresh).state, world.node(fresh).replaces) == ("in_service", "")
        assert world.subject(fresh).open_incident == ""
        assert world.incident(incident_id).node_id == sick
        assert len(world.pages()) == 1


def in_vain(world: World, sick: str, *, swept: bool) -> str:
    """The node is terminated and no successor comes; its incident, at its end."""
    incident_id, machine = machine_of(world, sick)
    to(world, machine, "ReplaceNode")
    while turn(world):
        world.pass_time(1)
    if swept:
        world.time.shift(LEASE)
        world.pass_time(1)
        assert any("it expired at" in one for one in sweep(world))
        follow(world)
    mail = Mail(world)
    ends(world, machine)
    mail.deliver()
    return incident_id
