"""The fault matrix, rows 28, 29, 36, 38 and 39: deployments that meet heals, failures, replays, reorderings.

Row 37, what is wrong with a release itself, is in ``test_fault_matrix_releases``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.deployment import Deployment
from tests.faults.life import Mail, effects, own
from tests.faults.race import at_once
from tests.functional.deploying import (
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
from tests.functional.endings import over
from tests.functional.machine import Machine, turn
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World

PATIENCE = 240  # seconds until an incident is given to a person; a deployment may take 600


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two healthy nodes that run a good release, and an app of the repository."""
    with made(policy(folder).replace("deadline_seconds: 1200", f"deadline_seconds: {PATIENCE}")) as fresh:
        good(fresh)
        yield fresh


def ill(world: World, node_id: str) -> Machine:
    """A node falls ill and its alarm speaks; its heal, not begun."""
    mail = Mail(world)
    world.fall_ill(node_id)
    world.hand("raise_signal", world.alarm(node_id))
    mail.deliver()
    return Machine(world, world.subject(node_id).open_incident)


def touching(world: World, began: str) -> tuple[Machine, str]:
    """A deployment whose first node was sent the release; its machine and that node."""
    machine = Machine(world, began, "deploy")
    while not deployments(world).get(began).nodes:
        if not machine.advance():
            world.pass_time(1)
    (node_id,) = deployments(world).get(began).nodes
    return machine, node_id


def together(world: World, *machines: Machine) -> None:
    """They take turns until all are over; whoever acts on a node is the one that holds it (I4)."""
    while not all(one.over for one in machines):
        moved = [one.advance() for one in machines]
        held, before = world.group().leases, len(world.guards.acted)
        moved.append(turn(world))
        for command in world.guards.acted[before:]:
            assert command.parameters["StepId"].startswith(held[command.node_id].incident_id), command
        if not any(moved):
            world.pass_time(1)


def acted(world: World) -> list[tuple[str, str]]:
    """What was done on which node, in order; each step once (I1)."""
    assert set(Counter(one.parameters["StepId"] for one in world.guards.acted).values()) <= {1}
    return effects(world)


def every(world: World) -> list[Deployment]:
    """Every deployment of the group; none holds anything any more."""
    assert (world.group().leases, world.group().deploying) == ({}, "")
    return list(deployments(world).of_group(GROUP))


def test_row_28_a_heal_waits_while_its_node_is_deployed_to_and_then_needs_no_more(
    world: World, folder: Path
) -> None:
    """The release cures the node: the incident waited for the lease, touched nothing and tells nobody."""
    began = push(world, folder, commit(folder, "page", "new"))
    deploying, node_id = touching(world, began)
    healing = ill(world, node_id)
    incident_id = str(healing.context["Execution"]["Name"])
    while world.incident(incident_id).wait != "lease":
        healing.advance()
    together(world, deploying, healing)
    over(world, incident_id, "suppressed")
    (one,) = every(world)
    assert one.state == "Succeeded"
    assert sorted(acted(world)) == [("InstallRelease", node) for node in sorted(world.instances())]
    assert world.pages() == []


def test_row_28_a_heal_does_not_wait_for_a_deployment_for_ever(world: World, folder: Path) -> None:
    """The document hangs: at its deadline the incident is a person's, by one page, and nothing was done."""
    world.stuck = True
    began = push(world, folder, commit(folder, "page", "new"))
    deploying, node_id = touching(world, began)
    healing = ill(world, node_id)
    while not healing.over:
        deploying.advance()
        if not healing.advance():
            world.pass_time(5)
    incident = world.incident(str(healing.context["Execution"]["Name"]))
    assert (incident.state, incident.levels) == ("escalated", ())
    assert f"not over within {PATIENCE} s" in incident.reason
    assert world.group().leases[node_id].incident_id == began
    assert acted(world) == []
    assert [one.node_id for one in world.ssm.running()] == [node_id]
    assert len(world.pages()) == 1


def test_row_29_a_deployment_waits_for_a_node_that_is_healed(world: World, folder: Path) -> None:
    """The other node may get the release meanwhile; the sick one gets it after its heal is over."""
    sick, _ = world.instances()
    healing = ill(world, sick)
    while not world.ssm.running():
        healing.advance()
    world.stuck = True
    deploying = Machine(world, push(world, folder, commit(folder, "page", "new")), "deploy")
    for _ in range(40):
        if not deploying.advance():
            world.pass_time(1)
    assert ("InstallRelease", sick) not in [(one.document[11:], one.node_id) for one in world.ssm.running()]
    assert world.group().leases[sick].incident_id.startswith("inc-")
    world.stuck = False
    together(world, healing, deploying)
    over(world, str(healing.context["Execution"]["Name"]), "healed")
    (one,) = every(world)
    assert (one.state, len(one.nodes)) == ("Succeeded", 2)
    on_sick = [what for what, node in acted(world) if node == sick]
    assert on_sick == ["RestartService", "InstallRelease"]
    assert len(acted(world)) == 3
    assert world.pages() == []


def test_row_36_a_rollback_that_fails_too_stops_and_pages(world: World, folder: Path) -> None:
    """Always red: what was good before the good one is not tried, one node was touched, and after three
    attempts of convergence nobody touches it any more, however long the sweeps go on."""
    known = releases(world).get("web", RELEASE.version)
    assert known is not None
    releases(world).add(known.model_copy(update={"version": "0.9.0", "commit": "9" * 40}))
    world.endings["InstallRelease"] = ("Failed", "did not start")
    failed = walk(world, push(world, folder, commit(folder, "page", "bad")))
    undo = walk(world, failed.undone_by)
    assert [failed.state, undo.state, undo.undone_by] == ["Failed", "Failed", ""]
    (page,) = world.pages()
    assert "needs you" in page["Subject"]
    began = [failed.deployment_id, undo.deployment_id]
    for _ in range(10):
        world.time.shift(50)
        world.pass_time(20)
        sweep(world)
        for one in deployments(world).of_group(GROUP):
            if one.deployment_id not in began:
                began.append(one.deployment_id)
                assert walk(world, one.deployment_id).state == "Failed"
    kinds = Counter(one.kind for one in every(world))
    assert kinds == {"push": 1, "rollback": 1, "converge": 3}
    assert {node for _, node in acted(world)} == set(failed.nodes)
    assert len(acted(world)) == 5
    (untouched,) = set(world.instances()) - set(failed.nodes)
    assert world.node(untouched).release == RELEASE.version
    assert len(world.pages()) == 2, "one of the rollback, one that three more attempts were in vain"


@pytest.mark.parametrize("when", ["before the first is taken", "while it runs", "after it"])
def test_row_38_a_replayed_webhook_with_a_new_delivery_id_is_one_deployment(
    world: World, folder: Path, when: str
) -> None:
    """The body is what is signed, and what is known; the id is the sender's to choose."""
    genuine = request(folder, commit(folder, "page", "new"))
    replay = genuine | {"headers": genuine["headers"] | {"x-github-delivery": "another"}}
    if when == "before the first is taken":
        at_once(world, "receive_webhook", [genuine, replay], meet="PutEvents")
    else:
        world.hand("receive_webhook", genuine)
    heard = [own("CodePushed", one) for one in world.events("CodePushed")]
    began = {one for event in heard for one in world.hand("start_deployment", event)["deployments"]}
    (deployment_id,) = began
    if when == "after it":
        walk(world, deployment_id)
    assert world.hand("receive_webhook", replay)["statusCode"] == 200
    assert world.events("CodePushed")[len(heard) :] == []
    if when != "after it":
        assert walk(world, deployment_id).state == "Succeeded"
    (one,) = every(world)
    assert one.state == "Succeeded"
    assert sorted(acted(world)) == [("InstallRelease", node) for node in sorted(world.instances())]


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)], ids=["backwards", "the oldest last"])
def test_row_39_whichever_push_arrives_last_no_node_is_downgraded(
    world: World, folder: Path, order: tuple[int, ...]
) -> None:
    """Three commits whose hooks arrive in any order, each deployed to its end: only the head is ever sent."""
    commits = [commit(folder, "page", text) for text in ("one", "two", "three")]
    states = [walk(world, push(world, folder, commits[number])).state for number in order]
    assert states == ["Succeeded", "Stopped", "Stopped"]
    (head,) = {one.version for one in releases(world).of_app("web")} - {RELEASE.version}
    assert {one.parameters["Version"] for one in world.guards.acted} == {head}
    assert {world.node(one).release for one in world.instances()} == {head}
    assert next(one.commit for one in every(world) if one.state == "Succeeded") == commits[-1]
    assert len(acted(world)) == 2
    assert world.pages() == []


def test_row_39_an_older_push_that_waited_for_the_newer_one_changes_nothing(
    world: World, folder: Path
) -> None:
    """It came first and its plan comes last: what is deployed is decided by the branch, then."""
    older = push(world, folder, commit(folder, "page", "one"))
    newer = commit(folder, "page", "two")
    first = push(world, folder, newer)
    deploying, _ = touching(world, first)
    waiting = Machine(world, older, "deploy")
    together(world, deploying, waiting)
    ended = deployments(world).get(older)
    assert (ended.state, ended.nodes) == ("Stopped", {})
    assert deployments(world).get(first).commit == newer
    assert len(acted(world)) == 2
    assert every(world)
