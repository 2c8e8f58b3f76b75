"""A push becomes a release on every node; a bad one is taken back; nothing is deployed twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift import clock
from nightshift.journal import Note
from tests.functional.deploying import (
    baking,
    commit,
    deployments,
    good,
    policy,
    push,
    releases,
    repository,
    request,
    walk,
)
from tests.functional.machine import Machine, turn
from tests.functional.run_command import Command
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.world import WELL, World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two healthy nodes that run a good release, and an app of the repository."""
    with made(policy(folder)) as fresh:
        good(fresh)
        yield fresh


def ill_with(world: World, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that run a version are ill; every other release makes them well."""

    def act(command: Command) -> tuple[str, str]:
        down = command.parameters["Version"] == version
        world.readings[command.node_id] = WELL | ({"ServiceUp": 0.0} if down else {})
        return "Success", "installed"

    monkeypatch.setattr(world, "_act", act)


def version_of(world: World, sha: str) -> str:
    """The version that was built of a commit."""
    (built,) = [one for one in releases(world).of_app("web") if one.commit == sha]
    return built.version


def test_a_push_is_deployed_to_every_node_one_batch_after_the_other(world: World, folder: Path) -> None:
    """The release is what the group runs from then on, everything is given back, nobody is told."""
    sha = commit(folder, "page", "new")
    ended = walk(world, push(world, folder, sha))
    assert (ended.state, ended.commit, ended.author) == ("Succeeded", sha, "Ada <ada@example.com>")
    assert [len(batch) for batch in ended.batches] == [1, 1]
    installed = [(one.node_id, one.parameters["Version"]) for one in world.ssm.commands[-2:]]
    assert sorted(installed) == [(node, version_of(world, sha)) for node in sorted(world.instances())]
    group = world.group()
    assert group.desired_release is not None
    assert group.desired_release.version == version_of(world, sha)
    assert (group.leases, group.deploying, world.pages()) == ({}, "", [])
    assert {world.node(one).release for one in world.instances()} == {version_of(world, sha)}
    assert releases(world).of_app("web")[-1].state_in(GROUP) == "good"


def test_a_release_that_makes_nodes_ill_is_taken_back_and_told_once(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the first batch had it; the rollback is a deployment of its own to what was good."""
    sha = commit(folder, "page", "bad")
    deployment_id = push(world, folder, sha)
    machine = Machine(world, deployment_id, "deploy")
    machine.run("AdvanceDeployment")
    ill_with(world, version_of(world, sha), monkeypatch)
    failed = walk(world, deployment_id)
    assert (failed.state, failed.trigger, len(failed.nodes)) == ("Failed", "DEPLOYMENT_FAILURE", 1)
    undo = walk(world, failed.undone_by)
    assert (undo.state, undo.kind, set(undo.nodes)) == ("Succeeded", "rollback", set(failed.nodes))
    assert [one.parameters["Version"] for one in world.ssm.commands[-1:]] == [RELEASE.version]
    (page,) = world.pages()
    assert "rolled back" in page["Subject"]
    group = world.group()
    assert (group.leases, group.deploying) == ({}, "")
    assert releases(world).of_app("web")[-1].state_in(GROUP) == "failed"
    again = walk(world, push(world, folder, "b" * 40))  # heard once more; the head is still the bad one
    assert (again.state, again.nodes) == ("Failed", {})
    assert "push a new commit" in again.reason


def test_a_release_whose_document_fails_is_taken_back(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that does not start shows in its document's end already."""
    monkeypatch.setitem(world.endings, "InstallRelease", ("Failed", "did not start"))
    failed = walk(world, push(world, folder, commit(folder, "page", "bad")))
    assert failed.state == "Failed"
    assert "did not start" in next(iter(failed.nodes.values())).detail
    world.endings.clear()
    assert walk(world, failed.undone_by).state == "Succeeded"


def test_a_rollback_that_fails_stops_and_pages(world: World, folder: Path) -> None:
    """No loop: a person is told what is where."""
    world.endings["InstallRelease"] = ("Failed", "did not start")
    failed = walk(world, push(world, folder, commit(folder, "page", "bad")))
    undo = walk(world, failed.undone_by)
    assert (undo.state, undo.undone_by) == ("Failed", "")
    (page,) = world.pages()
    assert "needs you" in page["Subject"]


def test_only_the_head_is_deployed_whichever_push_was_heard(world: World, folder: Path) -> None:
    """Two pushes in a row: the first deploys the newer commit, the second finds nothing to do."""
    older = commit(folder, "page", "one")
    first = push(world, folder, older)
    newer = commit(folder, "page", "two")
    second = push(world, folder, newer)
    assert walk(world, first).commit == newer
    ended = walk(world, second)
    assert (ended.state, ended.nodes) == ("Stopped", {})
    assert "already" in ended.reason


def test_a_second_deployment_waits_for_its_turn(world: World, folder: Path) -> None:
    """One deployment per group at a time."""
    first = push(world, folder, commit(folder, "page", "one"))
    one = Machine(world, first, "deploy")
    one.run("LookAgain")
    second = Machine(world, push(world, folder, commit(folder, "page", "two")), "deploy")
    second.run("WaitForTurn")
    assert first in second.data["reason"]
    walk(world, first)
    assert walk(world, str(second.context["Execution"]["Name"])).state == "Succeeded"


def test_a_node_that_is_healed_is_waited_for(world: World, folder: Path) -> None:
    """Healing and deploying share the node's lease."""
    sick, well = sorted(world.instances())
    world.fall_ill(sick)
    world.stuck = True
    world.speak(sick)
    incident = Machine(world, world.subject(sick).open_incident)
    incident.run("ApplyRemedy")
    deploying = Machine(world, push(world, folder, commit(folder, "page", "new")), "deploy")
    for _ in range(40):
        if not deploying.advance():
            world.pass_time(1)
    assert list(deployments(world).get(str(deploying.context["Execution"]["Name"])).nodes) in ([], [well])
    assert world.group().leases[sick].incident_id.startswith("inc-")


def test_a_webhook_is_taken_once_and_only_when_it_is_signed(world: World, folder: Path) -> None:
    """Forged, replayed, huge and strange requests begin nothing."""
    genuine = request(folder, commit(folder, "page", "new"))
    forged = request(folder, commit(folder, "page", "newer"), secret="another")
    assert world.invoke("receive_webhook", forged)["statusCode"] == 401
    assert world.invoke("receive_webhook", {**genuine, "pathParameters": {}})["statusCode"] == 404
    assert world.invoke("receive_webhook", {**genuine, "body": "x" * 4_200_000})["statusCode"] == 413
    assert world.published == []
    assert world.invoke("receive_webhook", genuine)["statusCode"] == 202
    genuine["headers"]["x-github-delivery"] = "another"
    assert world.invoke("receive_webhook", genuine)["statusCode"] == 200
    assert len(world.events("CodePushed")) == 1


def test_a_person_goes_back_to_the_last_good_release(world: World, folder: Path) -> None:
    """By hand, and as a deployment like any other."""
    walk(world, push(world, folder, commit(folder, "page", "new")))
    order = {"id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "app": "web", "by": "ada", "rollback": True}
    (deployment_id,) = world.invoke("start_deployment", order)["deployments"]
    ended = walk(world, deployment_id)
    assert (ended.state, ended.kind) == ("Succeeded", "rollback")
    group = world.group()
    assert group.desired_release is not None
    assert group.desired_release.version == RELEASE.version


def test_a_pause_holds_the_next_batch(world: World, folder: Path) -> None:
    """What runs is finished, nothing new is begun."""
    deploying = Machine(world, push(world, folder, commit(folder, "page", "new")), "deploy")
    deploying.run("DeployBatch")
    world.pause()
    for _ in range(20):
        if not deploying.advance() and not turn(world):
            world.pass_time(1)
    assert deployments(world).get(str(deploying.context["Execution"]["Name"])).nodes == {}
    world.resume()
    assert walk(world, str(deploying.context["Execution"]["Name"])).state == "Succeeded"


def test_a_stop_by_hand_brings_back_what_was_touched(world: World, folder: Path) -> None:
    """As a person asked; the release itself is not blamed."""
    deployment_id = push(world, folder, commit(folder, "page", "new"))
    deploying = Machine(world, deployment_id, "deploy")
    while not deployments(world).get(deployment_id).nodes:
        deploying.advance()
    store = deployments(world)
    note = Note("stop", "test", "requested", "ada", {})
    store.amend(deployment_id, clock.now(), lambda _: (note, {"stop_requested": "ada"}))
    stopped = walk(world, deployment_id)
    assert (stopped.state, stopped.trigger) == ("Stopped", "DEPLOYMENT_STOP_ON_REQUEST")
    assert walk(world, stopped.undone_by).state == "Succeeded"
    assert releases(world).of_app("web")[-1].state_in(GROUP) == "built"
    kinds = [entry["kind"] for entry in store.story(deployment_id)]
    assert kinds[:4] == ["opened", "plan", "rollout", "intent"]
    assert kinds[-1] == "closed"


def test_a_node_that_dies_in_its_batch_ends_the_rollout_before_others_are_touched(
    world: World, folder: Path
) -> None:
    """Its agent is gone when its turn comes: the others keep what they run, and a person is told once."""
    deployment_id = push(world, folder, commit(folder, "page", "new"))
    machine = Machine(world, deployment_id, "deploy")
    machine.run("DeployBatch")
    (dead,) = machine.data["batch"]
    world.ssm.offline.add(dead)
    sent = len(world.ssm.commands)
    failed = walk(world, deployment_id)
    assert (failed.state, list(failed.nodes)) == ("Failed", [dead])
    assert "no agent that is online" in failed.nodes[dead].detail
    undo = walk(world, failed.undone_by)
    assert (undo.state, len(world.ssm.commands)) == ("Failed", sent)
    (other,) = set(world.instances()) - {dead}
    assert (world.node(other).release, world.node(dead).release) == (RELEASE.version, "")
    (page,) = world.pages()
    assert "needs you" in page["Subject"]


def test_a_release_is_installed_as_its_app_wants_it_and_the_way_back_stays(
    world: World, folder: Path
) -> None:
    """The document hears the archive's size and which release is never cleaned up."""
    walk(world, push(world, folder, commit(folder, "page", "new")))
    told = world.ssm.last.parameters
    assert (told["LastGood"], told["Keep"], told["HookSeconds"]) == (RELEASE.version, "5", "60")
    assert int(told["Size"]) == releases(world).of_app("web")[-1].size


def test_an_alarm_while_it_is_watched_takes_it_back(world: World, folder: Path) -> None:
    """The release is suspected first; its node is not healed."""
    began = push(world, folder, commit(folder, "page", "degrades"))
    node = baking(world, began)
    world.pass_time(1)
    world.speak(node)
    failed = walk(world, began)
    assert (failed.state, failed.trigger, set(failed.nodes)) == ("Failed", "DEPLOYMENT_STOP_ON_ALARM", {node})
    assert walk(world, failed.undone_by).state == "Succeeded"


def test_an_alarm_about_the_restart_itself_that_is_heard_late_changes_nothing(
    world: World, folder: Path
) -> None:
    """It was raised before the node was found well; a symptom that lasts shows in samples."""
    began = push(world, folder, commit(folder, "page", "new"))
    before = clock.iso(clock.now())
    node = baking(world, began)
    late = world.alarm(node, "service_down")
    late["detail"]["state"]["timestamp"] = before.replace("Z", "+0000")
    world.invoke("raise_signal", late)
    world.deliver("SignalRaised")
    assert node in world.group().troubled
    assert walk(world, began).state == "Succeeded"
