"""What the nightshift command says and does about deployments, on the tables of a world."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.deploying import commit, deployments, good, policy, push, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack
from tools.cli import app, connection


class Here:
    """The world's stack."""

    def __init__(self, _target: object) -> None:
        """Whatever was asked for."""

    def output(self, name: str) -> str:
        """A resource's name."""
        return stack().ref(name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world that the command speaks to."""
    monkeypatch.setattr(connection, "Connection", Here)
    with made(policy(folder)) as fresh:
        good(fresh)
        yield fresh


def test_a_deployment_is_listed_told_and_verified(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By each node and by its journal, whose chain is whole."""
    deployment_id = walk(world, push(world, folder, commit(folder, "page", "new"))).deployment_id
    capsys.readouterr()
    assert app.main(["deployments"]) == 0
    assert deployment_id in capsys.readouterr().out
    assert app.main(["why", deployment_id]) == 0
    told = capsys.readouterr().out
    assert all(node in told for node in world.instances())
    assert all(kind in told for kind in ("opened", "plan", "intent", "verification", "closed"))
    assert app.main(["deployments", deployment_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "Succeeded"
    assert app.main(["journal", "verify", deployment_id]) == 0
    assert "1 of 1 chains intact" in capsys.readouterr().out


def test_a_deployment_is_stopped_once_while_it_runs(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the reason in its journal; one that is over cannot be."""
    deployment_id = push(world, folder, commit(folder, "page", "new"))
    Machine(world, deployment_id, "deploy").run("AdvanceDeployment")
    assert app.main(["stop", deployment_id, "--why", "wrong day"]) == 0
    assert "wrong day" in deployments(world).get(deployment_id).stop_requested
    assert walk(world, deployment_id).state == "Stopped"
    assert app.main(["stop", deployment_id, "--why", "again"]) == 1
    assert "is Stopped already" in capsys.readouterr().err


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("order", [["deployments"], ["why"], ["stop", "--why", "x"], ["journal", "verify"]])
def test_an_unknown_deployment_is_an_error_with_a_way_on(
    order: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """And no traceback."""
    assert app.main([*order, "dep-20261123-0000000000"]) == 1
    assert "next: see them: nightshift deployments" in capsys.readouterr().err


def test_the_four_key_figures_are_told(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By app and group, for people and for programs; an app that nobody deploys is an error that helps."""
    walk(world, push(world, folder, commit(folder, "page", "new")))
    capsys.readouterr()
    assert app.main(["dora"]) == 0
    assert "the last 30 days" in capsys.readouterr().out
    assert app.main(["dora", "--app", "web", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["app"], told["deployments"], told["failure_rate"]) == ("web", 1, 0.0)
    assert app.main(["dora", "--app", "nobody"]) == 1
    assert "it deploys web" in capsys.readouterr().err
