"""A person's command on many nodes, by the real handlers: what is refused, how it fares, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from nightshift import clock
from nightshift.errors import Refused
from nightshift.fleet_command import OUTPUT_LIMIT
from nightshift.journal import Note, verify
from tests.functional.gate import Killed
from tests.functional.inspecting import crowd
from tests.functional.running import ALLOWED, commands, order, run, walk
from tests.functional.running_fake import DOCUMENT
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to wait for a fake."""
    monkeypatch.setattr("functions.run_command.app.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("nightshift.aws.remote_runs.FIRST_LOOK_SECONDS", 0.01)


@pytest.fixture
def world() -> Iterator[World]:
    """Two nodes, and a policy that allows commands and any number of failures."""
    with made(ALLOWED) as fresh:
        yield fresh


def test_a_command_runs_on_every_node_and_its_journal_says_who_ran_what(world: World) -> None:
    """One node first, then the other; the chain is whole, and its end is published."""
    ended, rows = run(world, why="a look")
    assert (ended.state, ended.counts) == ("Success", {"Success": 2})
    assert {row.stdout for row in rows.values()} == {"Linux\n"}
    assert [len(one["InstanceIds"]) for one in world.ssm.runs.sent.values()] == [1, 1]
    entries = list(world.journals.read(ended.command_id))
    assert verify(ended.command_id, entries, ended.head).intact
    assert [(one.content["kind"], one.content["verdict"]) for one in entries] == [
        ("opened", "allow"),
        ("closed", "Success"),
    ]
    (told,) = world.events("CommandCompleted")
    assert (told["succeeded"], told["nodes"], told["alert"]) == (2, 2, "")


def test_without_the_policys_leave_nobody_runs_anything() -> None:
    """It is off by default."""
    with made() as careful:
        with pytest.raises(Refused, match=r"run\.not_allowed"):
            order(careful)
        assert not careful.ssm.runs.sent


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"selector": {}}, "selection.nothing_named"),
        ({"selector": {"nodes": ["i-nobody"]}}, "selection.unknown_node"),
        ({"argv": [""]}, "run.unusable"),
        ({"argv": ["x" * 8_193]}, "run.unusable"),
        ({"argv": ["a\0b"]}, "run.unusable"),
        ({"seconds": 301}, "run.too_long"),
        ({"max_errors": "101%"}, "event.unknown_shape"),
        ({"max_concurrency": 0}, "event.unknown_shape"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_node_is_reached(
    world: World, request_: dict[str, Any], code: str
) -> None:
    """With a code, and nothing stored."""
    with pytest.raises(Refused, match=code.replace(".", r"\.")):
        order(world, **request_)
    assert not world.ssm.runs.sent


def test_a_command_for_more_nodes_than_the_policy_has_is_refused() -> None:
    """However it came to mean so many."""
    few = ALLOWED.replace("allowed: true", "allowed: true, max_nodes: 1")
    with made(few) as small, pytest.raises(Refused, match=r"run\.too_many_nodes"):
        order(small)


def test_the_same_order_begins_once(world: World) -> None:
    """A person's client may send it twice."""
    same = "6a1d9b52-0c7e-4f5e-8a3a-2f1f9e0b7c11"
    first, second = order(world, id=same), order(world, id=same)
    assert first == second
    ended, _ = walk(world, first)
    assert len(world.ssm.runs.sent) == ended.nodes


def test_after_max_errors_no_other_node_begins(world: World) -> None:
    """The one that was not begun is told apart from the one that failed."""
    world.ssm.runs.answer = lambda _: ("Failed", "no such thing", 3)
    ended, rows = run(world, max_errors=0)
    assert ended.state == "Failed"
    assert sorted(row.status for row in rows.values()) == ["Failed", "Terminated"]
    assert len(world.ssm.runs.sent) == 1
    assert {row.exit_status for row in rows.values()} == {3, None}


def test_a_retry_is_for_those_that_failed_and_those_that_were_never_begun(world: World) -> None:
    """With the words of the first command; one that went well has nothing to retry."""
    failing, _ = world.instances()
    world.ssm.runs.answer = lambda _: ("Failed", "", 1)
    first, _ = run(world, "systemctl", "is-active", "web", max_errors=0)
    world.ssm.runs.answer = lambda _: ("Success", "active", 0)
    again, rows = run(world, selector={}, retry_of=first.command_id, argv=[])
    assert (again.state, again.argv, len(rows)) == ("Success", first.argv, 2)
    assert again.retry_of == first.command_id
    with pytest.raises(Refused, match=r"run\.nothing_to_retry"):
        order(world, argv=[], retry_of=again.command_id)
    assert failing in rows


def test_many_nodes_are_never_begun_faster_than_asked() -> None:
    """In commands of fifty at most, and no more at once than MaxConcurrency."""
    with made(
        ALLOWED.replace("allowed: true", "allowed: true, max_nodes: 1000, max_concurrency: 100%"), nodes=1
    ) as large:
        crowd(large, 120)
        ended, _ = run(large, max_concurrency="100")
        assert (ended.state, ended.counts) == ("Success", {"Success": 120})
        sizes = [len(one["InstanceIds"]) for one in large.ssm.runs.sent.values()]
        assert sizes[:5] == [1, 2, 4, 8, 16]
        assert max(sizes) <= 50
        assert sum(sizes) == 120


def test_an_agent_that_is_away_holds_up_nobody(world: World) -> None:
    """It is a row of its own, and does not count as an error."""
    away, there = world.instances()
    world.ssm.offline.add(away)
    ended, rows = run(world, max_errors=0)
    assert (rows[away].status, rows[there].status) == ("Undeliverable", "Success")
    assert "not online" in rows[away].reason
    assert ended.state == "Failed"


def test_a_node_that_disappears_is_given_up_after_its_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run Command lists no invocation for it any more; the others are not held up."""
    gone, there = world.instances()
    world.ssm.runs.vanished.add(gone)
    monkeypatch.setattr("nightshift.aws.remote_runs.GRACE_SECONDS", -95)
    _, rows = run(world)
    assert (rows[gone].status, rows[there].status) == ("ExecutionTimedOut", "Success")


def test_a_long_answer_is_fetched_whole_and_cut_with_a_mark(world: World) -> None:
    """A listing shows 2,500 characters only."""
    world.ssm.runs.answer = lambda _: ("Success", "x" * 20_000, 0)
    _, rows = run(world)
    for row in rows.values():
        assert row.stdout.startswith("x" * OUTPUT_LIMIT)
        assert row.stdout.endswith(f"[cut: {OUTPUT_LIMIT} of 20000 bytes]")


def test_a_refused_document_alerts_a_person_once(world: World) -> None:
    """Not once a node: trying again gives the same answer."""
    world.broken["ssm.SendCommand"] = "AccessDeniedException"
    ended, rows = run(world)
    assert {row.status for row in rows.values()} == {"Undeliverable"}
    (told,) = world.events("CommandCompleted")
    assert (ended.state, told["alert"]) == ("Failed", "probe.refused")


def test_throttling_is_waited_out_and_then_given_up(world: World) -> None:
    """Nodes that Run Command never takes are undeliverable, and no error."""
    world.broken["ssm.SendCommand"] = "ThrottlingException"
    ended, rows = run(world)
    assert ended.state == "Failed"
    assert {row.status for row in rows.values()} == {"Undeliverable"}
    assert world.events("CommandCompleted")[-1]["alert"] == ""


def test_a_stop_lets_what_runs_end_and_begins_nothing_else(world: World) -> None:
    """Who asked stands in the end's reason."""
    command_id = order(world)
    world.meanwhile["ssm.SendCommand"] = lambda: commands(world).amend(
        command_id,
        clock.now(),
        lambda _: (
            Note("stop", "ada", "requested", "wrong nodes", {}),
            {"stop_requested": "ada: wrong nodes"},
        ),
    )
    ended, rows = walk(world, command_id)
    assert ended.state == "Cancelled"
    assert "stopped by ada: wrong nodes" in ended.reason
    assert sorted(row.status for row in rows.values()) == ["Success", "Terminated"]


def test_a_function_that_dies_anywhere_runs_nothing_twice(world: World) -> None:
    """Before any of its calls or after it, one after the other: each node gets one command, and it ends."""
    for index in count():
        beats = count()

        def pulse(_when: str, who: str, beats: Iterator[int] = beats, index: int = index) -> None:
            if who.startswith("run_command") and next(beats) == index:
                world.pulse = None
                raise Killed

        world.ssm.runs.sent.clear()
        command_id = order(world)
        world.pulse = pulse
        ended, rows = walk(world, command_id)
        nodes = [one for sent in world.ssm.runs.sent.values() for one in sent["InstanceIds"]]
        assert sorted(nodes) == sorted(rows), f"killed at {index}"
        assert ended.state == "Success"
        if world.pulse is not None:  # nobody was killed: there are no more calls
            assert index > 20
            return


def test_a_dead_machine_leaves_nothing_open(world: World) -> None:
    """What was never begun stays so, and the command is over."""
    command_id = order(world)
    event = {
        "id": "1", "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "time": "2026-11-23T03:00:00Z",
        "detail": {"name": command_id, "status": "ABORTED", "error": None, "cause": None},
    }  # fmt: skip
    world.invoke("close_command", event)
    world.invoke("close_command", event)
    ended = commands(world).get(command_id)
    assert (ended.state, ended.counts) == ("Failed", {"Terminated": 2})
    assert len(world.events("CommandCompleted")) == 2
    assert len(list(world.journals.read(command_id))) == 2


def test_only_run_command_may_send_what_is_not_typed() -> None:
    """No healing or deploying role holds the document."""
    arn = f"arn:aws:ssm:us-east-1:123456789012:document/{DOCUMENT}"
    able = {name for name, one in stack().functions.items() if one.may("ssm:SendCommand", arn)}
    assert able == {"run_command"}
