"""A person's word as a gate: asked last, about one version; yes deploys it, no and silence do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightshift import clock
from nightshift.errors import Refused
from nightshift.journal import Note
from tests.functional.deploying import (
    asking,
    commit,
    deployments,
    good,
    policy,
    push,
    report,
    repository,
    walk,
)
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.test_approval_links import token_of, visit
from tests.functional.world import World

GATES = "    gates: [{ name: ci, secret: ci }, { approval: true }]\n    approval_seconds: 120\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two nodes, and an app that a check and a person must let pass."""
    with made(policy(folder).replace("    credentials: web\n", GATES)) as fresh:
        good(fresh)
        yield fresh


def say(world: World, deployment_id: str, decision: str = "approve", **more: str) -> dict[str, Any]:
    """Ada's answer, by the command line."""
    request = {"deployment_id": deployment_id, "decision": decision, "by": "ada", **more}
    return world.invoke("answer_approval", request)


def test_it_is_deployed_when_a_person_approves(world: World, folder: Path) -> None:
    """One question about what is known to have passed; who answered and why stands in the journal."""
    began, machine = asking(world, folder)
    waiting = deployments(world).get(began)
    assert (waiting.state, waiting.nodes) == ("Queued", {})
    (question,) = world.pages()
    assert "be deployed to web-prod?" in question["Subject"]
    assert "ci passed at" in question["Message"]
    assert f"nightshift approve {began}" in question["Message"]
    assert waiting.commit[:12] in question["Message"]
    told = say(world, began, why="tried it by hand")
    assert (told["decided"], told["deployment_id"]) == (True, began)
    assert walk(world, began, machine).state == "Succeeded"
    story = deployments(world).story(began)
    approved = next(one for one in story if one["verdict"] == "approved")
    assert approved["reason"] == "approved by ada: tried it by hand"
    planned = next(one for one in story if one["kind"] == "plan")
    assert "approved by ada" in str(planned["inputs"])
    assert len(world.pages()) == 1


def test_a_no_stops_it_quietly(world: World, folder: Path) -> None:
    """Whoever said no knows; the reason is the deployment's."""
    began, machine = asking(world, folder)
    say(world, began, "deny", why="not before the sale")
    ended = walk(world, began, machine)
    assert (ended.state, ended.nodes) == ("Stopped", {})
    assert "denied by ada" in ended.reason
    assert "not before the sale" in ended.reason
    assert len(world.pages()) == 1


def test_silence_is_a_no_and_somebody_is_told(world: World, folder: Path) -> None:
    """At the question's end, by itself; an answer after it does not count."""
    began, machine = asking(world, folder)
    ended = walk(world, began, machine)
    assert (ended.state, ended.nodes) == ("Failed", {})
    assert "nobody approved" in ended.reason
    _, told = world.pages()
    assert "needs you" in told["Subject"]
    late = say(world, began)
    assert (late["decided"], late["code"]) == (False, "approval.over")


def test_nobody_is_asked_about_what_has_not_passed(world: World, folder: Path) -> None:
    """A red build is no question; and the check's secret cannot say yes in a person's name."""
    sha = commit(folder, "page", "new")
    began = push(world, folder, sha)
    report(world, sha, "approval", secret="ci")
    report(world, sha, "approval")
    machine = Machine(world, began, "deploy")
    for _ in range(20):
        if not machine.advance():
            world.pass_time(1)
    assert "waits for ci" in deployments(world).get(began).reason
    assert say(world, began)["code"] == "approval.none"
    report(world, sha, "ci", "failed", secret="ci")
    assert walk(world, began).state == "Stopped"
    assert world.pages() == []


def test_a_yes_is_about_one_version(world: World, folder: Path) -> None:
    """What was pushed meanwhile is another question, of its own deployment."""
    began, machine = asking(world, folder)
    newer = commit(folder, "page", "newer")
    report(world, newer, secret="ci")
    say(world, began)
    ended = walk(world, began, machine)
    assert (ended.state, ended.nodes) == ("Stopped", {})
    assert "was asked about" in ended.reason


def test_the_link_of_a_deployment_shows_and_takes_one_answer(world: World, folder: Path) -> None:
    """As an incident's does; the reason that is typed there is kept."""
    began, machine = asking(world, folder)
    token = token_of(world)
    shown = visit(world, token)
    assert shown["statusCode"] == 200
    assert "May web be deployed to web-prod?" in shown["body"]
    assert visit(world, token, decision="approve", by="ada", why="looks well")["statusCode"] == 200
    assert visit(world, token, decision="deny", by="eve")["statusCode"] == 409
    assert "looks well" in deployments(world).get(began).approval.why  # type: ignore[union-attr]
    assert walk(world, began, machine).state == "Succeeded"


def test_a_question_that_reached_nobody_is_asked_again_once(world: World, folder: Path) -> None:
    """The retried step waits on a new token, and the answer wakes that one."""
    world.broken["sns.Publish"] = "InternalError"
    sha = commit(folder, "page", "new")
    report(world, sha, secret="ci")
    began = push(world, folder, sha)
    machine = Machine(world, began, "deploy")
    while not (machine.name == "AskApproval" and machine._retries):
        machine.advance()
    world.broken.clear()
    while not machine.token:
        if not machine.advance():
            world.pass_time(1)
    assert len(world.pages()) == 1
    say(world, began)
    assert world.tokens[machine.token] == {"deployment_id": began}


def test_a_stop_is_heard_while_it_waits_for_its_gates(world: World, folder: Path) -> None:
    """Not only once it has begun."""
    sha = commit(folder, "page", "new")
    began = push(world, folder, sha)
    note = Note("stop", "nightshift stop", "requested", "ada: wrong branch", {})
    deployments(world).amend(began, clock.now(), lambda _: (note, {"stop_requested": "ada: wrong branch"}))
    ended = walk(world, began)
    assert (ended.state, ended.nodes, ended.reason) == ("Stopped", {}, "stopped by ada: wrong branch")


def test_an_answer_is_about_one_thing(world: World) -> None:
    """Either an incident or a deployment, never both or neither."""
    for wrong in ({}, {"incident_id": "inc-1", "deployment_id": "dep-1"}):
        with pytest.raises(Refused, match="either incident_id or deployment_id"):
            world.invoke("answer_approval", {**wrong, "decision": "approve", "by": "ada"})


def test_a_link_is_of_the_stack_that_asked(world: World, folder: Path) -> None:
    """A changed one decides nothing."""
    began, _ = asking(world, folder)
    assert visit(world, token_of(world) + "x", decision="approve", by="eve")["statusCode"] == 403
    assert deployments(world).get(began).approval.decision == ""  # type: ignore[union-attr]
