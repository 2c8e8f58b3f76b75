"""A node gets no request while it is deployed to, and requests again once it is well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.deploying import commit, good, policy, push, repository, switched, walk
from tests.functional.staging import made
from tests.functional.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two healthy nodes behind a target group."""
    with made(switched(policy(folder))) as fresh:
        good(fresh)
        yield fresh


def test_each_node_leaves_before_it_is_touched_and_joins_after_it(world: World, folder: Path) -> None:
    """Nothing is sent while it drains, and the next node leaves when the one before it serves again."""
    sent: list[tuple[str, str]] = []
    world.on_send = lambda: sent.append(
        (world.ssm.last.node_id, world.targets.states[world.ssm.last.node_id])
    )
    ended = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert ended.state == "Succeeded"
    (first,), (second,) = ended.batches
    assert sent == [(first, "unused"), (second, "unused")]
    assert world.targets.told == [("leaves", first), ("joins", first), ("leaves", second), ("joins", second)]
    assert world.targets.states == {first: "healthy", second: "healthy"}


def test_a_node_that_its_target_group_never_finds_healthy_has_failed(world: World, folder: Path) -> None:
    """Whatever its own samples say; the rollback cannot help it, and a person is told."""
    world.targets.broken.update(world.instances())
    failed = walk(world, push(world, folder, commit(folder, "page", "new")))
    (touched,) = failed.nodes.values()
    assert (failed.state, touched.state) == ("Failed", "Failed")
    assert "its target group does not find it healthy" in touched.detail
    world.targets.broken.clear()
    assert walk(world, failed.undone_by).state == "Succeeded"
