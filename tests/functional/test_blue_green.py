"""A push goes to the group that has no requests, gets them when it is well, and gives them back if not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift import clock
from nightshift.journal import Note
from tests.functional.colours import OTHER, crossing, nodes, state, switches, two
from tests.functional.deploying import commit, deployments, push, releases, repository, walk
from tests.functional.machine import Machine, turn
from tests.functional.staging import RELEASE
from tests.functional.state import GROUP
from tests.functional.targets import ARN, BLUE, GREEN
from tests.functional.world import World
from tests.samples import sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Blue has the requests."""
    with two(folder) as fresh:
        yield fresh


def given_back(world: World) -> bool:
    """Nobody's turn in either group, and no lease."""
    return all((one.deploying, one.leases) == ("", {}) for one in (state(world, GROUP), state(world, OTHER)))


def test_a_push_goes_to_the_idle_group_and_then_gets_the_requests(world: World, folder: Path) -> None:
    """All its nodes at once, one switch; the other group was never touched, and keeps what it runs."""
    before = len(world.ssm.commands)
    sha = commit(folder, "page", "new")
    ended = walk(world, push(world, folder, sha))
    assert (ended.state, ended.group, ended.commit) == ("Succeeded", OTHER, sha), ended.reason
    assert [sorted(batch) for batch in ended.batches] == [sorted(nodes(OTHER))]
    assert {one.node_id for one in world.ssm.commands[before:]} == set(nodes(OTHER))
    assert switches(world) == [OTHER]
    (built,) = [one for one in releases(world).of_app("web") if one.commit == sha]
    wanted = {group: state(world, group).desired_release for group in (GROUP, OTHER)}
    assert {group: one and one.version for group, one in wanted.items()} == {
        GROUP: RELEASE.version,
        OTHER: built.version,
    }
    assert built.state_in(OTHER) == "good"
    assert given_back(world)
    assert world.pages() == []
    kinds = [(one["kind"], one["verdict"]) for one in deployments(world).story(ended.deployment_id)]
    assert kinds.index(("intent", "switch")) < kinds.index(("result", "switched"))


def test_the_next_push_goes_the_other_way(world: World, folder: Path) -> None:
    """The front itself is asked which one is idle."""
    walk(world, push(world, folder, commit(folder, "page", "one")))
    ended = walk(world, push(world, folder, commit(folder, "page", "two")))
    assert (ended.state, ended.group) == ("Succeeded", GROUP), ended.reason
    assert switches(world) == [OTHER, GROUP]


def test_what_does_not_start_is_never_switched_to(world: World, folder: Path) -> None:
    """One notification; the group that has the requests is as it was, and the commit counts as failed."""
    world.endings["InstallRelease"] = ("Failed", "did not start")
    sha = commit(folder, "page", "bad")
    ended = walk(world, push(world, folder, sha))
    assert (ended.state, ended.trigger, ended.undone_by) == ("Failed", "DEPLOYMENT_FAILURE", "")
    assert switches(world) == []
    assert f"still go to {GROUP}" in ended.reason
    (page,) = world.pages()
    assert "was not switched to" in page["Subject"]
    assert given_back(world)
    (built,) = [one for one in releases(world).of_app("web") if one.commit == sha]
    assert built.state_in(OTHER) == "failed"


def test_what_falls_ill_in_the_bake_gives_the_requests_back(world: World, folder: Path) -> None:
    """That is the whole rollback: no node is touched again, and it is told once."""
    began = push(world, folder, commit(folder, "page", "bad"))
    machine = crossing(world, began)
    touched = len(world.ssm.commands)
    world.fall_ill(nodes(OTHER)[0])
    ended = walk(world, began, machine)
    assert (ended.state, ended.trigger, ended.undone_by) == ("Failed", "DEPLOYMENT_FAILURE", "")
    assert switches(world) == [OTHER, GROUP]
    assert len(world.ssm.commands) == touched
    (page,) = world.pages()
    assert "was switched back" in page["Subject"]
    assert given_back(world)
    assert state(world, OTHER).desired_release == RELEASE


def test_an_alarm_in_the_bake_gives_the_requests_back(world: World, folder: Path) -> None:
    """It is heard before samples show it."""
    began = push(world, folder, commit(folder, "page", "bad"))
    machine = crossing(world, began)
    world.pass_time(1)
    world.speak(nodes(OTHER)[0])
    ended = walk(world, began, machine)
    assert (ended.state, ended.trigger) == ("Failed", "DEPLOYMENT_STOP_ON_ALARM")
    assert switches(world) == [OTHER, GROUP]


def stop(world: World, deployment_id: str) -> None:
    """A person stops it."""
    known = deployments(world)
    note = Note("stop", "ada", "asked", "a bad feeling")
    known.record(known.get(deployment_id), clock.now(), note, stop_requested="ada")


def test_a_stop_in_the_bake_gives_the_requests_back_and_is_told(world: World, folder: Path) -> None:
    """As CodeDeploy calls it."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = crossing(world, began)
    stop(world, began)
    ended = walk(world, began, machine)
    assert (ended.state, ended.trigger) == ("Stopped", "DEPLOYMENT_STOP_ON_REQUEST")
    assert switches(world) == [OTHER, GROUP]
    assert ["was switched back" in page["Subject"] for page in world.pages()] == [True]


def test_a_stop_before_the_switch_switches_nothing(world: World, folder: Path) -> None:
    """However late it comes: it is asked for between the decision and the switch here."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = Machine(world, began, "deploy")
    while machine.name != "SwitchFront":
        assert not machine.over
        if not machine.advance() and not turn(world):
            world.pass_time(1)
    stop(world, began)
    ended = walk(world, began, machine)
    assert (ended.state, switches(world)) == ("Stopped", [])


def test_a_pause_holds_the_switch(world: World, folder: Path) -> None:
    """And lets it go on afterwards."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = Machine(world, began, "deploy")
    while machine.name != "SwitchFront":
        assert not machine.over
        if not machine.advance() and not turn(world):
            world.pass_time(1)
    world.pause()
    for _ in range(30):
        if not machine.advance():
            world.pass_time(1)
    assert switches(world) == []
    world.resume()
    assert walk(world, began, machine).state == "Succeeded"


@pytest.mark.parametrize("told", [(), (BLUE, GREEN), (ARN,)], ids=["nothing", "both", "a stranger"])
def test_a_front_that_does_not_name_one_of_both_is_refused(
    world: World, folder: Path, told: tuple[str, ...]
) -> None:
    """Nothing is touched, and the reason says where requests go."""
    world.targets.forward(*told) if told else world.targets.actions.clear()
    ended = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert (ended.state, ended.nodes, switches(world)) == ("Failed", {}, [])
    assert "listener-rule" in ended.reason


def test_a_front_that_somebody_switched_meanwhile_is_left_alone(world: World, folder: Path) -> None:
    """Neither to the new group, nor back."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = crossing(world, began)
    world.targets.forward(ARN)
    ended = walk(world, began, machine)
    assert (ended.state, switches(world)) == ("Failed", [OTHER])
    (page,) = world.pages()
    assert "needs you" in page["Subject"]
    assert given_back(world)


def test_a_second_push_waits_while_the_first_one_bakes(world: World, folder: Path) -> None:
    """The group that it would go to is the way back of the first."""
    first = crossing(world, push(world, folder, commit(folder, "page", "one")))
    second = push(world, folder, commit(folder, "page", "two"))
    later = Machine(world, second, "deploy")
    for _ in range(3):
        later.advance()
    assert later.name == "WaitForTurn"
    assert walk(world, first.context["Execution"]["Name"], first).state == "Succeeded"
    assert walk(world, second, later).group == GROUP


def test_a_machine_that_died_in_the_bake_gives_the_requests_back(world: World, folder: Path) -> None:
    """By its status event alone."""
    began = push(world, folder, commit(folder, "page", "new"))
    crossing(world, began)
    died = sample("states/failed")
    died["detail"].update(name=began, error="Lambda.Unknown", cause="died")
    answer = world.invoke("close_deployment", died)
    assert answer["undone_by"] == ""
    assert switches(world) == [OTHER, GROUP]
    assert given_back(world)


def test_a_rollback_by_hand_is_a_switch_to_what_the_other_group_ran(world: World, folder: Path) -> None:
    """The other group is brought its last good release, proves itself, and gets the requests."""
    walk(world, push(world, folder, commit(folder, "page", "new")))
    order = {"id": "0f0e0d0c-0000-4000-8000-000000000001", "app": "web", "by": "ada", "rollback": True}
    (began,) = world.invoke("start_deployment", order)["deployments"]
    ended = walk(world, began)
    assert (ended.state, ended.group) == ("Succeeded", GROUP), ended.reason
    assert ended.release is not None
    assert ended.release.version == RELEASE.version
    assert switches(world) == [OTHER, GROUP]


def test_a_group_that_got_the_requests_during_its_plan_is_not_touched(world: World, folder: Path) -> None:
    """The deployment before may give them back in between: the plan is made anew, for the other group."""
    began = push(world, folder, commit(folder, "page", "new"))
    before = len(world.ssm.commands)
    world.meanwhile["cloudwatch.GetMetricData"] = lambda: world.targets.forward(GREEN)
    ended = walk(world, began)
    assert (ended.state, ended.group) == ("Succeeded", GROUP), ended.reason
    assert {one.node_id for one in world.ssm.commands[before:]} == set(nodes(GROUP))


def test_a_group_that_got_the_requests_while_its_turn_was_taken_is_refused(
    world: World, folder: Path
) -> None:
    """The last moment at which anybody else may have switched; no node was touched by then."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = Machine(world, began, "deploy")
    world.meanwhile["eventbridge.PutEvents"] = lambda: world.targets.forward(GREEN)
    ended = walk(world, began, machine)
    assert (ended.state, ended.nodes) == ("Failed", {})
    assert "by now" in ended.reason
    assert given_back(world)


def test_a_switch_that_is_under_way_at_the_end_takes_itself_back(world: World, folder: Path) -> None:
    """A stopped execution is closed while its last function still runs."""
    began = push(world, folder, commit(folder, "page", "new"))
    died = sample("states/failed")
    died["detail"].update(name=began, error="Aborted", cause="by hand")
    world.meanwhile["elastic-load-balancing-v2.ModifyRule"] = lambda: world.invoke("close_deployment", died)
    machine = Machine(world, began, "deploy")
    while not switches(world):
        if not machine.advance() and not turn(world):
            world.pass_time(1)
    assert switches(world) == [OTHER, GROUP]
    assert deployments(world).get(began).state == "Failed"
    assert given_back(world)
