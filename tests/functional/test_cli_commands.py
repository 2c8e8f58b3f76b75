"""What the nightshift command says of commands on many nodes, on the tables of a world."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.functional.running import ALLOWED, order, run, walk
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack
from tools.cli import app, connection
from tools.cli.commands import run as run_command


class Here:
    """The world's stack."""

    def __init__(self, _target: object) -> None:
        """Whatever was asked for."""

    def output(self, name: str) -> str:
        """A resource's name."""
        return stack().ref(name)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world that the command speaks to, and a machine that walks as soon as an order is begun."""
    monkeypatch.setattr(connection, "Connection", Here)
    monkeypatch.setattr("functions.run_command.app.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("nightshift.aws.remote_runs.FIRST_LOOK_SECONDS", 0.01)
    with made(ALLOWED) as fresh:

        def begin(_: object, wanted: dict[str, object]) -> dict[str, object]:
            command_id = order(fresh, **wanted)
            walk(fresh, command_id)
            return {"command_id": command_id}

        monkeypatch.setattr(run_command, "begin", begin)
        yield fresh


def test_nodes_that_answer_alike_are_one_block_and_failures_come_last(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 when any node failed, and the line that tries again."""
    first, second = world.instances()
    world.ssm.runs.answer = lambda node: ("Success", "fine\n", 0) if node == first else ("Failed", "no", 3)
    assert app.main(["run", "--all", "--why", "a look", "--", "uname", "-s"]) == 1
    told = capsys.readouterr().out
    good, bad = world.node(first).name, world.node(second).name
    assert told.index(f"Success 1  {good}") < told.index(f"Failed 1  {bad}  exit status 3")
    assert "uname -s by ada (a look)" in told
    assert "nightshift run --retry-failed cmd-" in told


def test_everything_is_there_for_programs(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """The command with its rows, and nothing else on standard output."""
    ended, _ = run(world)
    capsys.readouterr()
    assert app.main(["commands", ended.command_id, "--json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["state"], len(one["rows"]), one["rows"][0]["stdout"]) == ("Success", 2, "Linux\n")
    assert app.main(["commands", "--json"]) == 0
    assert {two["command_id"] for two in json.loads(capsys.readouterr().out)} >= {ended.command_id}


def test_its_journal_verifies_and_a_changed_head_shows(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """As incidents' and deployments' do; why tells it too."""
    ended, _ = run(world)
    capsys.readouterr()
    assert app.main(["journal", "verify", ended.command_id]) == 0
    assert "1 of 1 chains intact, 2 entries" in capsys.readouterr().out
    assert app.main(["why", ended.command_id]) == 0
    assert "2 of 2 nodes succeeded" in capsys.readouterr().out


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("words", [["commands"], ["why"], ["stop", "--why", "x"], ["journal", "verify"]])
def test_an_unknown_command_is_an_error_with_a_way_on(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no traceback."""
    assert app.main([*words, "cmd-20261123-0000000000"]) == 1
    assert "next: see them: nightshift commands" in capsys.readouterr().err


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "words", [["--all"], ["--all", "--retry-failed", "cmd-1", "--", "id"], ["--label", "rack", "--", "id"]]
)
def test_an_order_that_says_too_little_or_too_much_is_a_usage_error(words: list[str]) -> None:
    """Exit 2, before anything is asked."""
    assert app.main(["run", *words]) == 2


def test_a_command_that_is_over_cannot_be_stopped(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """And one that waits begins on nobody."""
    command_id = order(world)
    assert app.main(["stop", command_id, "--why", "wrong day"]) == 0
    ended, rows = walk(world, command_id)
    assert ended.state == "Cancelled"
    assert {row.status for row in rows.values()} == {"Terminated"}
    capsys.readouterr()
    assert app.main(["stop", command_id, "--why", "again"]) == 1
    assert "is Cancelled already" in capsys.readouterr().err
