"""A deployment waits for what outside checks say of its commit, and nothing is deployed that one refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import clock
from nightshift.aws.gates import Gates
from nightshift.decisions import gates
from nightshift.gate import Report
from nightshift.policy_apps import Gate
from tests.functional.deploying import commit, deployments, good, policy, push, report, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack
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
    reports = [said_of(gate, verdict) for gate, verdict in said.items()]
    wanted = (Gate(name="a"), Gate(name="b"))
    assert gates.checked(wanted, reports, NOW, NOW.replace(hour=4)).answer == answer
    late = gates.checked(wanted, reports, NOW, NOW).answer
    assert late == ("late" if answer == "wait" else answer)
    assert gates.checked((), reports, NOW, NOW).answer == "go"


def said_of(gate: str, verdict: str, secret: str = "", check: str = "") -> Report:
    """One report about one commit."""
    facts = {"commit": "c", "gate": gate, "verdict": verdict, "secret": secret, "check": check, "at": at(0)}
    return Report.model_validate(facts)


VERDICTS = st.sampled_from(["passed", "failed"])
SAID = st.lists(st.builds(said_of, st.sampled_from("ab"), VERDICTS, st.sampled_from(["", "s", "t"])))


@given(SAID)
def test_who_does_not_know_a_gate_s_secret_changes_nothing(reports: list[Report]) -> None:
    """Neither a yes nor a no: only what was signed with the gate's own secret is heard."""
    wanted = (Gate(name="a", secret="s"), Gate(name="b"))
    entitled = [one for one in reports if (one.gate, one.secret) in {("a", "s"), ("b", "")}]
    answer = gates.checked(wanted, reports, NOW, NOW.replace(hour=4))
    assert answer == gates.checked(wanted, entitled, NOW, NOW.replace(hour=4))
    passed = {one.gate for one in entitled if one.verdict == "passed"}
    failed = {one.gate for one in entitled if one.verdict == "failed"}
    assert (answer.answer == "go") == (passed == {"a", "b"} and not failed)


def test_of_contradictory_checks_of_one_gate_the_no_counts(world: World, folder: Path) -> None:
    """Whichever came last: two projects of one commit, of which one has failed."""
    sha = commit(folder, "page", "new")
    report(world, sha, "ci")
    table = Gates(stack().ref("GatesTable"))
    later = clock.iso(clock.now() + timedelta(seconds=5))
    facts = {"commit": sha, "gate": "scan", "at": clock.iso(clock.now())}
    assert table.record(Report.model_validate({**facts, "check": "api", "verdict": "failed"}))
    assert table.record(Report.model_validate({**facts, "check": "web", "verdict": "passed", "at": later}))
    ended = walk(world, push(world, folder, sha))
    assert (ended.state, ended.nodes) == ("Stopped", {})
    assert "scan failed at" in ended.reason


def test_of_two_reports_of_one_source_at_once_the_no_counts(world: World) -> None:
    """In either order, and for good: nothing newer has been said."""
    table = Gates(stack().ref("GatesTable"))
    for first, second in (("passed", "failed"), ("failed", "passed")):
        for verdict in (first, second, first):
            facts = {
                "commit": f"{first}-first",
                "gate": "ci",
                "verdict": verdict,
                "at": clock.iso(clock.now()),
            }
            table.record(Report.model_validate(facts))
        (kept,) = table.of_commit(f"{first}-first")
        assert kept.verdict == "failed"
