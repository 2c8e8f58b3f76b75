"""The fault matrix, rows 20, 21 and 23: AWS is busy, or another writer is at the same item."""

from __future__ import annotations

from itertools import count, pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from nightshift import clock
from nightshift.aws.intents import RETRIES
from nightshift.aws.tables import TRIES
from nightshift.errors import Conflict
from tests.faults.dying import Fuse, steps_sent
from tests.faults.life import Mail, effects, execute, live
from tests.faults.race import at_once
from tests.faults.wire import at_first, refusing, repeated, times
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, TaskFailed
from tests.functional.staging import POLICY, made
from tests.functional.sweeping import follow, stand, sweep
from tests.functional.world import World
from tests.stack import stack, state_machine

LADDER = "[restart_service, rebuild_container, replace_node]"
RESTART = POLICY.replace(LADDER, "[restart_service]")
TWO = RESTART.replace("min_healthy: 1\n", "min_healthy: 1\n  max_in_repair: 2\n")
SEND = "ssm.SendCommand"


def test_row_20_a_throttle_that_passes_costs_only_time(world: World) -> None:
    """Every request to the tables is throttled twice: the clients wait, longer each time; nothing fails."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    with refusing(world, "ThrottlingException", times(2)) as wire:
        incident_id = live(world, sick)
    assert {"GetItem", "UpdateItem", "TransactWriteItems"} <= set(wire.refused)
    assert len(wire.pauses) == len(wire.refused)
    assert all(0 <= pause <= 1 for pause in wire.pauses[::2])
    assert all(0 <= pause <= 2 for pause in wire.pauses[1::2])
    assert len(set(wire.pauses)) > 10, "no jitter"
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]
    assert effects(world) == [("RestartService", sick)]
    assert (world.executions(), world.pages()) == ([incident_id], [])


@pytest.mark.parametrize("begins", ["before the alarm", "before the intent", "after the effect"])
def test_row_20_a_throttle_that_stays_stops_everything_and_pages(world: World, begins: str) -> None:
    """Nothing that cannot be written down is done. The page that needs no table is the stack's own alarms';
    when the tables answer again, sweeps bring each incident to its end."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    stand(sick, "ALARM")
    for_ever(world, sick, begins)
    assert len(set(steps_sent(world, "RestartService"))) == (1 if begins == "after the effect" else 0)
    assert (effects(world), world.pages()) == ([], [])
    alarms = stack().of_type("AWS::CloudWatch::Alarm")
    for name in ("Heartbeat", "HealMachineFailed", "RaiseSignalDeadLetters", "SweepDeadLetters"):
        assert alarms[f"{name}Alarm"]["AlarmActions"] == [stack().ref("PagesTopic")]
    mail, unheard = Mail(world), begins == "before the alarm"
    world.pass_time(60)
    sweep(world)
    follow(world)
    mail.deliver()
    incident_id = world.subject(sick).open_incident
    if unheard:
        execute(world, incident_id)
    for command in world.ssm.running():
        world.hand("resume_step", world.finish(command, *world.effect(command)))
    over(world, incident_id, "healed" if unheard else "escalated")
    assert effects(world) == [("RestartService", sick)] * (begins != "before the intent")
    assert len(world.pages()) == (0 if unheard else 1)


def for_ever(world: World, sick: str, begins: str) -> None:
    """From some moment on the tables answer nobody: not who is told, not the machine, and no sweep."""
    busy = begins == "before the alarm"

    def gone(when: str, call: str) -> None:
        nonlocal busy
        busy = busy or (begins == "after the effect" and (when, call) == ("after", f"apply_remedy {SEND}"))

    world.pulse = gone
    with refusing(world, "ThrottlingException", lambda _wire, _operation: busy), repeated(world):
        if busy:
            with pytest.raises(ClientError, match="ThrottlingException"):
                world.hand("raise_signal", world.alarm(sick))
        else:
            machine = Machine(world, world.speak(sick)["incident_id"])
            while machine.name != "ApplyRemedy":
                machine.advance()
            busy = begins == "before the intent"
            with pytest.raises(TaskFailed, match="ThrottlingException") as failed:
                to_its_end(world, machine)
            name = machine.context["Execution"]["Name"]
            world.fates[name] = {"status": "FAILED", "error": failed.value.error, "cause": "throttled"}
        with pytest.raises(ClientError, match="ThrottlingException"):
            sweep(world)
    world.pulse = None


def to_its_end(world: World, machine: Machine) -> None:
    """The execution moves, second by second."""
    while not machine.over:
        if not machine.advance():
            world.pass_time(1)


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
@pytest.mark.parametrize("cancelled", [TRIES - 1, TRIES], ids=["to the last try", "beyond it"])
def test_row_21_cancelled_transactions_leave_every_counter_exact(
    world: World, cancelled: int, reason: str
) -> None:
    """Each transaction of a whole heal meets another one, and then is given up by each function once: none is
    written twice or left out."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    says = (times if cancelled < TRIES else at_first(world))(cancelled, "TransactWriteItems")
    with refusing(world, "TransactionCanceledException", says, reason) as wire, repeated(world):
        incident_id = live(world, sick)
    assert len(wire.refused) >= cancelled * 6
    assert max(wire.pauses) <= 0.05 * 2**TRIES
    over(world, incident_id, "healed")
    story, group = world.story(incident_id), world.group()
    once = [("opened", "opened"), ("intent", "act"), ("result", "succeeded"), ("closed", "healed")]
    assert [story.count(one) for one in once] == [1] * len(once)
    assert group.fence == story.count(("admission", "allow"))
    assert world.incident(incident_id).version == world.incident(incident_id).seq == len(story)
    assert [one.incident_id for one in group.attempts.values()] == [incident_id]
    assert [one.tried for one in group.fared.values()] == [1]
    assert len(world.node(sick).attempts) == 1
    assert (group.troubled, effects(world)) == ({}, [("RestartService", sick)])
    given_up = cancelled == TRIES and reason == "TransactionConflict"
    assert group.fence == (2 if given_up else 1), (
        "a lost intent is admitted anew, a busy table is asked again"
    )


def test_row_21_of_four_that_reach_for_two_places_at_once_exactly_two_get_one() -> None:
    """All have counted none in repair, and each transaction is cancelled twice more by the others'."""
    with made(TWO, nodes=8) as world:
        sick = world.instances()[:4]
        for one in sick:
            world.fall_ill(one, seconds=0)
        world.pass_time(8)
        left = [{"incident_id": world.speak(one)["incident_id"]} for one in sick]
        counts = []
        with refusing(world, "TransactionCanceledException", times(2, "TransactWriteItems")):
            for _ in range(3):
                answers = at_once(world, "admit_incident", left)
                left = [
                    one for one, answer in zip(left, answers, strict=True) if isinstance(answer, Conflict)
                ]
                counts.append((world.group().fence, len(world.group().leases)))
                if not left:
                    break
        assert counts == [(1, 1), (2, 2), (2, 2)]
        assert len(world.group().attempts) == 2
        waiting = [one for one in sick if one not in world.group().leases]
        assert [world.incident(world.subject(one).open_incident).wait for one in waiting] == [
            "blast_radius"
        ] * 2


@pytest.mark.parametrize(
    ("call", "throttled"),
    [(SEND, 1), (SEND, RETRIES), ("ssm.DescribeInstanceInformation", 4), ("ssm.ListCommandInvocations", 2)],
)
def test_row_23_a_throttled_systems_manager_is_asked_again_for_the_same_rung(
    world: World, call: str, throttled: int
) -> None:
    """Whoever asks waits longer each time; no other rung is tried, and the node acts once."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    asked, tries = list[Any](), count(1)
    world.broken[call] = "ThrottlingException"

    def hears() -> None:
        asked.append(clock.now())
        if next(tries) > throttled:
            world.broken.clear()
        else:
            world.meanwhile[call] = hears

    world.meanwhile[call] = hears
    fuse = Fuse(world, "never", "")
    with repeated(world):
        incident_id = live(world, sick)
    assert len(asked) == throttled + 1
    pauses = [(after - before).total_seconds() for before, after in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert min(pauses) > 1
    over(world, incident_id, "healed")
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]
    assert steps_sent(world, "RestartService") == [f"{incident_id}-restart-service"]
    assert effects(world) == [("RestartService", sick)]
    assert world.story(incident_id).count(("intent", "act")) == 1
    assert fuse.heard.count(f"apply_remedy {SEND}") == (throttled + 1 if call == SEND else 1)
    assert world.pages() == []


@pytest.mark.parametrize(
    "state", ["AdmitIncident", "ApplyRemedy", "ReplaceNode", "VerifyHealth", "CloseIncident"]
)
def test_row_23_the_machine_backs_off_with_jitter(state: str) -> None:
    """The walker's pauses are these without the jitter."""
    (again,) = [
        one for one in state_machine()["States"][state]["Retry"] if one["ErrorEquals"] == ["States.ALL"]
    ]
    assert (again["BackoffRate"], again["JitterStrategy"], again["MaxDelaySeconds"]) == (2, "FULL", 30)
