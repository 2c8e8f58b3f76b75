"""What the nightshift command says and does about deployments, on the tables of a world."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.aws import session
from tests.functional.deploying import commit, deployments, good, policy, push, repository, walk
from tests.functional.machine import Machine, turn
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack
from tools.cli import app, connection, progress


class Here:
    """The world's stack."""

    def __init__(self, _target: object) -> None:
        """Whatever was asked for."""

    def output(self, name: str) -> str:
        """A resource's name."""
        return stack().ref(name)

    def client(self, service: str) -> object:
        """A client of the world's AWS."""
        return session.client(service)


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
    story = (
        "pushed",
        "planned",
        "next batch",
        "acts",
        "installed",
        "judged",
        "watches",
        "succeeds",
        "intact",
    )
    assert all(word in told for word in story)
    assert "+0.0 s" in told
    assert "after" in told
    assert app.main(["deployments", deployment_id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "Succeeded"
    assert app.main(["journal", "verify", deployment_id]) == 0
    assert "1 of 1 chains intact" in capsys.readouterr().out


def test_a_stacks_journals_are_replayed_exported_tried_and_priced(
    world: World, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Straight from the tables: one chain by its id, or all that began since a day."""
    deployment_id = walk(world, push(world, folder, commit(folder, "page", "new"))).deployment_id
    same = tmp_path / "same.yaml"
    same.write_text(policy(folder))
    capsys.readouterr()
    assert app.main(["replay", deployment_id]) == 0
    assert "byte for byte; by the code that decided then" in capsys.readouterr().out
    assert app.main(["what-if", str(same), "--since", "2026-11"]) == 0
    assert "1 compared" in capsys.readouterr().out
    assert app.main(["cost", "--month", "2026-11", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)["chains"]] == [deployment_id]
    assert app.main(["journal", "export", "--since", "2026-11-23"]) == 0
    file = tmp_path / "export.jsonl"
    file.write_text(capsys.readouterr().out)
    assert app.main(["journal", "verify", "--file", str(file), deployment_id]) == 0
    assert app.main(["journal", "export", "--since", "soon"]) == 1
    assert app.main(["replay", "dep-20261123-0123456789"]) == 1


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


def followed(world: World, deployment_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machines go on whenever the command waits: the deployment's, and that of what undoes it."""
    machines: dict[str, Machine] = {}

    def meanwhile(_: float) -> None:
        for one in filter(None, (deployment_id, deployments(world).get(deployment_id).undone_by)):
            machine = machines.setdefault(one, Machine(world, one, "deploy"))
            if not machine.advance() and not turn(world):
                world.pass_time(1)

    monkeypatch.setattr(progress.time, "sleep", meanwhile)


def test_a_deployment_is_followed_by_a_line_for_each_node(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line when a node changes, none twice; then the whole, for people or as JSON."""
    deployment_id = push(world, folder, commit(folder, "page", "new"))
    followed(world, deployment_id, monkeypatch)
    assert app.main(["deployments", deployment_id, "--follow"]) == 0
    told = capsys.readouterr().out
    for node in world.instances():
        lines = [line.split()[1] for line in told.splitlines() if line.startswith(node)]
        assert lines == ["InProgress", "Succeeded"]
    assert app.main(["deployments", deployment_id, "--follow", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "Succeeded"
    assert app.main(["deployments", "--follow"]) == 1


def test_what_undoes_a_deployment_is_followed_too(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the node that failed, and why; the answer is a failure."""
    sha = commit(folder, "page", "bad")
    deployment_id = push(world, folder, sha)
    followed(world, deployment_id, monkeypatch)
    monkeypatch.setattr(
        world,
        "_act",
        lambda command: (
            ("Success", "installed") if command.parameters["Version"] == "1.0.0" else ("Failed", "no port")
        ),
    )
    assert app.main(["deployments", deployment_id, "--follow"]) == 1
    told = capsys.readouterr().out
    undo = deployments(world).get(deployment_id).undone_by
    (node,) = deployments(world).get(deployment_id).nodes
    assert f"{node}  Failed      Failed: no port" in told
    assert f"{undo}  Succeeded" in told


def test_packages_are_uploaded_as_they_were_built(
    world: World, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One for each platform, below the app and its version; what lies there has the sum that was told."""
    commit(folder, "main.py", "print('hi')\n")
    arguments = ["package", "web", "--source", str(folder), "--out", str(tmp_path / "dist"), "--upload"]
    capsys.readouterr()
    assert app.main([*arguments, "--version", "1.2.3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    bucket, s3 = stack().ref("ArtifactsBucket"), session.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="packages/web/1.2.3/")["Contents"]
    assert len(told) == len(found) == 4
    for one in told:
        key = f"packages/web/1.2.3/{Path(one['file']).name}"
        content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        assert (one["uploaded"], one["sha256"]) == (True, hashlib.sha256(content).hexdigest())
        assert content == Path(one["file"]).read_bytes()


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
