"""What the handlers decided is made again out of their journals alone, and is the same byte for byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from nightshift.aws import journals
from nightshift.aws.journals import Journals
from nightshift.decisions import health
from nightshift.journal import Note
from tests.functional.deploying import commit, good, policy, push, repository, walk
from tests.functional.lives import EVERY, exported, healed, written
from tests.functional.staging import made
from tests.functional.world import World
from tests.stack import stack
from tools.cli import app, history
from tools.local.demo import report

if TYPE_CHECKING:
    from tools.local.demo.world import World as DemoWorld


@pytest.fixture
def deploying(tmp_path: Path) -> Iterator[tuple[World, Path]]:
    """A world with an app and its repository."""
    folder = repository(tmp_path)
    with made(policy(folder)) as world:
        good(world)
        yield world, folder


def outcomes(file: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What ``nightshift replay`` says of every decision, in order."""
    capsys.readouterr()
    app.main(["replay", "--file", str(file), "--json"])
    chains = json.loads(capsys.readouterr().out)
    assert all(chain["intact"] for chain in chains)
    return [one["outcome"] for chain in chains for one in chain["decisions"]]


@pytest.mark.parametrize("life", EVERY)
def test_an_incidents_decisions_come_out_the_same(
    world: World, life: Callable[[World], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Allowed, waited, refused, delegated, verified: nothing of AWS is asked for it."""
    life(world)
    file = exported(tmp_path)
    assert app.main(["replay", "--file", str(file)]) == 0
    found = outcomes(file, capsys)
    assert len(found) >= 2
    assert set(found) == {"identical"}


def test_large_inputs_are_kept_apart_and_exported(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry holds their sum only; the export holds them, and without them nothing is guessed."""
    monkeypatch.setattr(journals, "INLINE", 100)
    healed(world)
    file = exported(tmp_path)
    lines = file.read_text().splitlines()
    assert any("given_sha256" in line for line in lines)
    assert set(outcomes(file, capsys)) == {"identical"}
    file.write_text("".join(f"{line}\n" for line in lines if not line.startswith('{"given"')))
    assert set(outcomes(file, capsys)) == {"not replayable"}
    assert app.main(["replay", "--file", str(file)]) == 1


def test_other_code_that_decides_otherwise_is_told(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What differs, on which inputs; and that the code is not the one that decided then."""
    healed(world)
    file = exported(tmp_path)
    monkeypatch.setattr(health, "LOOKS", 2)
    assert set(outcomes(file, capsys)) == {"identical"}
    monkeypatch.setattr("nightshift.decisions.guards.ORDER", ())
    monkeypatch.setattr("nightshift.code.digest", lambda: "0123456789abcdef")
    monkeypatch.setattr(
        "nightshift.decisions.admission._allow", lambda situation: situation.refuse("sleepy", "it is night")
    )
    assert app.main(["replay", "--file", str(file)]) == 1
    told = capsys.readouterr().out
    assert 'answer: recorded "allow", now "refuse"' in told
    assert 'reason: recorded "level 1, restart_service' in told
    assert "OTHER CODE" in told
    assert "0123456789abcdef" in told
    assert "inputs: " in told


def test_entries_without_inputs_are_said_to_be_so(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal from before inputs were recorded is not replayed by guessing."""
    monkeypatch.setattr(Note, "lightened", lambda note, _: (replace(note, decisions=()), ()))
    healed(world)
    file = exported(tmp_path)
    assert set(outcomes(file, capsys)) == {"not replayable"}
    assert app.main(["replay", "--file", str(file)]) == 1
    assert "written before decisions were recorded with their inputs" in capsys.readouterr().out


def test_a_deployment_and_its_rollback_come_out_the_same(
    deploying: tuple[World, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Gates, the plan, every step, each node's verdict, and the way back."""
    world, folder = deploying
    walk(world, push(world, folder, commit(folder, "page", "new")))
    world.endings["InstallRelease"] = ("Failed", "the hook failed")
    failed = walk(world, push(world, folder, commit(folder, "page", "worse")))
    del world.endings["InstallRelease"]
    walk(world, failed.undone_by)
    file = exported(tmp_path)
    assert set(outcomes(file, capsys)) == {"identical"}
    app.main(["replay", "--file", str(file), "--json"])
    chains = json.loads(capsys.readouterr().out)
    names = {one["name"] for chain in chains for one in chain["decisions"]}
    assert names == {"gates", "plan", "rollout", "verification", "way_back"}


def test_the_demos_audit_names_what_is_not_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its report counts, and what makes it fail."""
    healed(world)
    (chain,) = written().chains
    store = Journals(stack().ref("JournalTable"), stack().ref("ArtifactsBucket"))
    seen = SimpleNamespace(incidents=[world.incident(chain.name)], deployments=lambda _: [], journals=store)
    found = report.audit(cast("DemoWorld", seen))
    assert (found.chains, found.entries, found.decisions, found.problems) == (1, len(chain.entries), 2, ())
    monkeypatch.setattr(
        "nightshift.decisions.admission._allow", lambda situation: situation.refuse("sleepy", "it is night")
    )
    (problem,) = report.audit(cast("DemoWorld", seen)).problems
    assert problem.startswith(f"{chain.name} #2 admission: differs")


def test_every_byte_of_an_export_is_vouched_for(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever byte somebody changes: ``journal verify --file`` says so, and where."""
    monkeypatch.setattr(journals, "INLINE", 2_000)
    healed(world)
    file = exported(tmp_path)
    whole = file.read_bytes()
    assert app.main(["journal", "verify", "--file", str(file)]) == 0
    chance = random.Random(20261123)  # noqa: S311 - which bytes are tried, not a secret
    for place in [0, len(whole) - 1, *chance.sample(range(len(whole)), 1_000)]:
        other = chance.choice([byte for byte in range(256) if byte != whole[place]])
        file.write_bytes(whole[:place] + bytes([other]) + whole[place + 1 :])
        read = history.of_file(file)
        assert read.problems or not all(chain.check.intact for chain in read.chains), (place, other)
    assert app.main(["journal", "verify", "--file", str(file)]) == 1
    assert "BROKEN" in capsys.readouterr().out


def test_a_cut_export_is_found(world: World, tmp_path: Path) -> None:
    """Its head is the last line: without it nobody can tell what followed."""
    healed(world)
    file = exported(tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]))
    assert app.main(["journal", "verify", "--file", str(file)]) == 1
    file.write_text("".join(lines[:-2] + lines[-1:]))
    assert app.main(["journal", "verify", "--file", str(file)]) == 1
