"""A deployment waits for what outside checks say of its commit, and nothing is deployed that one refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.decisions import gates
from nightshift.gate import Report
from tests.functional.deploying import commit, deployments, good, policy, push, report, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World
from tests.unit.facts import NOW, at

TWO = "    credentials: web\n    gates: [ci, scan]\n    gates_seconds: 60\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two nodes, and an app with two gates."""
    with made(policy(folder).replace("    credentials: web\n", TWO)) as fresh:
        good(fresh)
        yield fresh


def queued(world: World, deployment_id: str) -> Machine:
    """Its machine, after it has looked at the gates a few times."""
    machine = Machine(world, deployment_id, "deploy")
    for _ in range(30):
        if not machine.advance():
            world.pass_time(1)
    return machine


def test_it_waits_until_every_gate_has_passed(world: World, folder: Path) -> None:
    """A report that came before the push counts; what it waits for is said once."""
    sha = commit(folder, "page", "new")
    report(world, sha, "ci")
    began = push(world, folder, sha)
    queued(world, began)
    waiting = deployments(world).get(began)
    assert (waiting.state, waiting.nodes) == ("Queued", {})
    assert "waits for scan until" in waiting.reason
    assert [entry["kind"] for entry in deployments(world).story(began)] == ["opened", "gates"]
    report(world, sha, "scan")
    assert walk(world, began).state == "Succeeded"


def test_a_gate_that_failed_stops_it_at_once(world: World, folder: Path) -> None:
    """Others need not report; nobody is paged for a red check, whose author knows."""
    sha = commit(folder, "page", "new")
    report(world, sha, "scan", "failed")
    ended = walk(world, push(world, folder, sha))
    assert (ended.state, ended.nodes, world.pages()) == ("Stopped", {}, [])
    assert "scan failed at" in ended.reason
    assert "https://ci/1" in ended.reason


def test_a_gate_that_never_reports_ends_it_at_its_deadline(world: World, folder: Path) -> None:
    """Missing is a no, and a person hears of it, since nobody else will."""
    ended = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert (ended.state, ended.nodes) == ("Failed", {})
    assert "ci, scan did not report by" in ended.reason
    assert len(world.pages()) == 1


def test_of_several_reports_the_newest_counts(world: World, folder: Path) -> None:
    """A check that was run again may pass; an old report that comes late changes nothing."""
    sha = commit(folder, "page", "new")
    report(world, sha, "ci", "failed")
    world.pass_time(1)
    report(world, sha, "ci")
    world.deliver("GateReported", 0)
    report(world, sha, "scan")
    assert walk(world, push(world, folder, sha)).state == "Succeeded"


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({}, "wait"),
        ({"a": "passed"}, "wait"),
        ({"a": "passed", "b": "passed"}, "go"),
        ({"a": "failed"}, "stop"),
        ({"a": "passed", "b": "failed"}, "stop"),
        ({"other": "failed", "a": "passed", "b": "passed"}, "go"),
    ],
)
def test_what_gates_say_together(said: dict[str, str], answer: str) -> None:
    """One no is a no; what nobody asked for says nothing; missing is a no only at the deadline."""
    reports = {
        gate: Report.model_validate({"commit": "c", "gate": gate, "verdict": verdict, "at": at(0)})
        for gate, verdict in said.items()
    }
    assert gates.judge(("a", "b"), reports, NOW, NOW.replace(hour=4)).answer == answer
    late = gates.judge(("a", "b"), reports, NOW, NOW).answer
    assert late == ("late" if answer == "wait" else answer)
    assert gates.judge((), reports, NOW, NOW).answer == "go"
