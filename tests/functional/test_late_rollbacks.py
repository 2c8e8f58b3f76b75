"""A release that was deployed well and makes its nodes ill soon after: it is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift import clock
from nightshift.aws import tables
from nightshift.releases import Standing
from tests.functional.deploying import commit, deployments, good, policy, push, releases, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.world import WELL, World

ORDER = "0f0f0f0f-0000-4000-8000-000000000000"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two nodes that run a release which was fine as long as it was watched, and then made both ill."""
    with made(policy(folder)) as fresh:
        good(fresh)
        assert walk(fresh, push(fresh, folder, commit(folder, "page", "leaks"))).state == "Succeeded"
        fresh.pass_time(60)
        for node in fresh.instances():
            fresh.fall_ill(node)
        for node in fresh.instances():
            fresh.speak(node)
        yield fresh


def delegated(world: World) -> list[Machine]:
    """The machines of both nodes' incidents, as far as they come before the rollback has done anything."""
    machines = [Machine(world, world.subject(node).open_incident) for node in world.instances()]
    for _ in range(30):
        for machine in machines:
            while machine.name != "StartDeployment" and machine.advance():
                pass
        if all(machine.name == "StartDeployment" for machine in machines):
            break
        world.pass_time(1)
    return machines


def test_both_nodes_are_left_to_one_rollback_which_heals_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No node is restarted; both incidents end with their symptom; the release is never good again."""
    monkeypatch.setattr(world, "_act", lambda _: ("Success", "installed"))
    machines, commands = delegated(world), len(world.ssm.commands)
    assert {machine.name for machine in machines} == {"StartDeployment"}
    for machine in machines:
        assert machine.advance()
    group = world.group()
    assert group.deployed is not None
    for node in world.instances():
        world.readings[node] = WELL
    undo = walk(world, group.deployed.rolled_back_by)
    assert (undo.kind, undo.state, undo.undoes) == ("rollback", "Succeeded", group.deployed.deployment_id)
    assert [one.parameters["Version"] for one in world.ssm.commands[commands:]] == [RELEASE.version] * 2
    while not all(machine.over for machine in machines):
        if not sum(machine.advance() for machine in machines):
            world.pass_time(1)
    ended = [world.incident(machine.context["Execution"]["Name"]) for machine in machines]
    assert {one.state for one in ended} == {"suppressed"}
    assert all("when its release was rolled back" in one.reason for one in ended)
    assert all(one.levels == () for one in ended)
    after = world.group()
    assert (after.deployed, after.leases, after.deploying) == (None, {}, "")
    assert releases(world).of_app("web")[-1].state_in(after.group) == "failed"


def test_the_order_may_be_given_twice(world: World) -> None:
    """A machine that lost its answer asks again: one deployment, one execution."""
    first, second = delegated(world)
    order = {**first.data, "incident_id": first.context["Execution"]["Name"]}
    assert first.advance()
    assert second.advance()
    world.invoke("start_deployment", order)
    assert len(list(deployments(world).of_group(world.group().group))) == 2


def test_a_rollback_that_leads_nowhere_leaves_the_nodes_to_their_ladder(world: World) -> None:
    """Without a good release behind it nothing can be taken back, so nodes are healed as ever."""
    failed = Standing(state="failed", at=clock.iso(clock.now()))
    tables.write(releases(world).stand("web", RELEASE.version, GROUP, failed))
    machines = delegated(world)
    for machine in machines:
        machine.advance()
    undo = world.group().deployed
    assert undo is not None
    assert walk(world, undo.rolled_back_by).state == "Failed"
    assert world.group().deployed is None
    world.pass_time(30)
    asked = [{"incident_id": world.subject(node).open_incident} for node in world.instances()]
    answers = [world.invoke("admit_incident", one) for one in asked]
    assert all(answer["next"] != "StartDeployment" for answer in answers)


def took_back(world: World) -> None:
    """A person brings the app back to the release before."""
    order = {"id": ORDER, "app": "web", "by": "ada", "version": RELEASE.version, "rollback": True}
    (back,) = world.invoke("start_deployment", order)["deployments"]
    assert walk(world, back).state == "Succeeded"


def test_a_rollback_whose_turn_comes_after_a_persons_own_brings_nothing_back(world: World) -> None:
    """What it was to undo runs nowhere any more; from there it would lead to that very release."""
    for machine in delegated(world):
        machine.advance()
    guilty = world.group().deployed
    assert guilty is not None
    for node in world.instances():
        world.readings[node] = WELL
    took_back(world)
    undo = walk(world, guilty.rolled_back_by)
    assert (undo.state, undo.nodes) == ("Stopped", {})
    after = world.group()
    assert after.desired_release is not None
    assert (after.desired_release.version, after.deployed) == (RELEASE.version, None)


def test_a_release_that_a_person_took_back_is_not_suspected_any_more(folder: Path) -> None:
    """Nodes that fall ill after it do not run it: they are healed, and it is not brought back to them."""
    with made(policy(folder)) as world:
        good(world)
        assert walk(world, push(world, folder, commit(folder, "page", "leaks"))).state == "Succeeded"
        took_back(world)
        world.pass_time(60)
        for node in world.instances():
            world.fall_ill(node)
        for node in world.instances():
            world.speak(node)
        assert "StartDeployment" not in {machine.name for machine in delegated(world)}
