"""Pushes whose webhook was lost are found by where branches point to; nothing is deployed twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.functional.deploying import commit, deployments, good, policy, push, repository, walk
from tests.functional.staging import made
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.samples import sample


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two nodes, and an app whose branch has been looked at once."""
    with made(policy(folder)) as fresh:
        good(fresh)
        assert look(fresh) == []
        yield fresh


def look(world: World) -> list[str]:
    """One round; the apps whose push was missed."""
    found: list[str] = world.invoke("find_pushes", sample("schedule/find_pushes"))["found"]
    return found


def told(world: World) -> list[Any]:
    """The commits that were published."""
    return [event["commit"] for event in world.events("CodePushed")]


def test_what_stood_there_before_is_no_push(world: World) -> None:
    """Nightshift deploys what moves, not what it finds on its first day."""
    assert look(world) == []
    assert told(world) == []


def test_a_push_that_no_webhook_told_of_is_deployed(world: World, folder: Path) -> None:
    """Once, however often it is looked for."""
    sha = commit(folder, "page", "new")
    assert look(world) == ["web"]
    assert look(world) == []
    assert told(world) == [sha]
    (began,) = world.deliver("CodePushed")["deployments"]
    assert walk(world, began).commit == sha


def test_a_push_that_a_webhook_told_of_is_left_alone(world: World, folder: Path) -> None:
    """Whether its deployment went well or not."""
    push(world, folder, commit(folder, "page", "new"))
    assert look(world) == []
    assert len(list(deployments(world).of_group(GROUP))) == 1


def test_a_repository_that_cannot_be_read_is_said(world: World, folder: Path) -> None:
    """By the error that fills the dead-letter queue after its retries, and so pages."""
    (folder / ".git").rename(folder / "gone")
    with pytest.raises(Exception, match="web: "):
        look(world)
