"""The fault matrix, rows 30 to 32: what people change meanwhile: a pause, the policy, the stack itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.settings import Settings
from tests.faults.life import Mail, effects, live, terminations
from tests.faults.redeploying import began_with, earlier, later, redeployed
from tests.functional.endings import levels, over
from tests.functional.machine import Machine, turn
from tests.functional.staging import POLICY, made
from tests.functional.test_adopt_policy import in_force, write
from tests.functional.test_policy_sources import look
from tests.functional.world import World
from tests.stack import state_machine


def ill(world: World, nodes: list[str]) -> list[Machine]:
    """They fall ill together and all their alarms speak; their executions, not begun."""
    mail = Mail(world)
    for one in nodes:
        world.fall_ill(one, seconds=0)
    world.pass_time(8)
    for one in nodes:
        world.hand("raise_signal", world.alarm(one))
    mail.deliver()
    return [Machine(world, world.subject(one).open_incident) for one in nodes]


def together(world: World, machines: list[Machine], seconds: int = 10_000) -> None:
    """They take turns for so long, or until all are over; never is more than one node in repair (I2)."""
    while seconds and not all(one.over for one in machines):
        for one in machines:
            one.advance()
            assert len(world.group().leases) <= 1
        if not turn(world):
            world.pass_time(1)
            seconds -= 1


@pytest.mark.parametrize("when", ["while it rages", "after it, over the first heal"])
def test_row_30_a_pause_in_a_storm_stops_every_new_act_and_outlives_a_new_deployment_of_the_stack(
    when: str,
) -> None:
    """Four of six are ill and two get well; whatever recovers, calms and is deployed meanwhile, nobody acts
    until somebody resumes. What was sent before the pause ends as it would have."""
    with made(nodes=6) as world:
        nodes = world.instances()[:4]
        machines = ill(world, nodes)
        for one in machines * 2:
            one.advance()
        mail, raging = Mail(world), when == "while it rages"
        mail.read = 0
        mail.deliver()
        assert world.group().storm is not None
        for node_id in nodes[:2]:
            world.get_well(node_id)
        while not raging and not world.ssm.running():
            moved = [one.advance() for one in machines]
            if not any(moved):
                world.pass_time(1)
        world.pause(why="what is this")
        together(world, machines, 10)
        redeployed(world)
        together(world, machines, 45)
        sent = [] if raging else effects(world)
        assert len(sent) == (0 if raging else 1)
        assert (effects(world), world.ssm.running(), terminations(world)) == (sent, [], 0)
        pause = world.groups.pause()
        assert pause is not None
        assert pause.why == "what is this"
        world.resume()
        together(world, machines)
        assert sorted(effects(world)) == sorted(("RestartService", one) for one in nodes[2:])
        states = [world.incident(str(one.context["Execution"]["Name"])).state for one in machines]
        assert states == ["suppressed", "suppressed", "healed", "healed"]


def test_row_30_a_pause_between_admission_and_act_is_in_time(world: World) -> None:
    """It is a condition of the intent: what was just admitted is not done, before somebody resumes."""
    (machine,) = ill(world, world.instances()[:1])
    world.cures = {"RestartService"}
    while machine.name != "ApplyRemedy":
        machine.advance()
    world.meanwhile["dynamodb.TransactWriteItems"] = world.pause
    together(world, [machine], 60)
    assert (effects(world), world.ssm.running()) == ([], [])
    world.resume()
    together(world, [machine])
    assert effects(world) == [("RestartService", world.instances()[0])]
    over(world, str(machine.context["Execution"]["Name"]), "healed")


UNSAFE = {
    "bad type": (POLICY.replace("attempts: 5", "attempts: many"), "healing.attempts"),
    "100%": (
        POLICY.replace("min_healthy: 1\n", "min_healthy: 0\n  max_in_repair: 100%\n"),
        "could lose every node at once",
    ),
    "not YAML": ("version: [", "not YAML"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_row_31_a_broken_or_unsafe_policy_leaves_the_last_good_one_in_force(case: str) -> None:
    """It is told once, however often it is looked at, and heals go on within the limits of before."""
    text, why = UNSAFE[case]
    assert text != POLICY
    with made(nodes=4) as world:
        before = in_force()
        write(text)
        machines = ill(world, world.instances()[:2])
        for _ in range(3):
            answer = look(world)
            assert (answer["adopted"], answer["policy_version"]) == (False, before[0])
            assert why in answer["reason"]
            together(world, machines, 5)
        Settings.current.__func__.cache_clear()  # type: ignore[attr-defined]
        assert why in look(world)["reason"], "nor is it taken by a process that is new"
        together(world, machines)
        assert in_force() == before
        assert sorted(effects(world)) == sorted(("RestartService", one) for one in world.instances()[:2])
        for one in machines:
            over(world, str(one.context["Execution"]["Name"]), "healed")
        (told,) = world.events("PolicyChanged")
        assert told["adopted"] is False
        world.deliver("PolicyChanged")
        world.deliver("PolicyChanged")
        (page,) = world.pages()
        assert why in page["Message"]


DEFINITIONS: dict[str, Callable[[], dict[str, Any]]] = {"earlier": earlier, "later": later}
ENDINGS: dict[str, tuple[set[str], str]] = {
    "replaced": ({"Welcome"}, "healed"),
    "in vain": (set(), "escalated"),
}


@pytest.mark.parametrize(("version", "ending"), [("earlier", "in vain"), ("later", "replaced")])
def test_row_32_an_execution_that_runs_while_the_stack_is_deployed_again_comes_to_its_end(
    version: str, ending: str
) -> None:
    """Step Functions keeps the definition that it began with: its payloads, of an earlier or a later version,
    are met by the functions of now. The incident after it has the machine of now."""
    cures, state = ENDINGS[ending]
    with made(nodes=4) as world:
        world.cures = {*cures}
        sick, other = world.instances()[:2]
        (machine,) = ill(world, [sick])
        began_with(machine, DEFINITIONS[version]())
        assert machine.definition != state_machine()
        while not machine.token:
            machine.advance()
        redeployed(world)
        assert machine.token in world.tokens
        while not machine.over:
            if not machine.advance() and not turn(world):
                world.pass_time(1)
        incident_id = str(machine.context["Execution"]["Name"])
        over(world, incident_id, state)
        tried = levels(world, incident_id)
        assert len(effects_on(world, sick)) == len({one for _, one, _ in tried} - {"replace_node"})
        assert terminations(world) == 1
        assert len(world.pages()) == (1 if ending == "in vain" else 0)
        world.cures = {"RestartService"}
        world.pass_time(60)
        world.fall_ill(other)
        over(world, live(world, other), "healed")


def effects_on(world: World, node_id: str) -> list[str]:
    """What was done on a node."""
    return [what for what, node in effects(world) if node == node_id]
