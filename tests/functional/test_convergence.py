"""A node that runs something else than its group is brought to the group's release, carefully."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift import clock
from nightshift.aws import tables
from nightshift.deployment import Deployment
from nightshift.releases import Standing
from tests.functional.deploying import deployments, good, policy, releases, repository, switched, walk
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two healthy nodes behind a target group that should run a good release; one runs something older."""
    with made(switched(policy(repository(tmp_path / "web")))) as fresh:
        good(fresh)
        tables.write(fresh.nodes.change(fresh.instances()[0], release="0.9.0"))
        yield fresh


def begun(world: World) -> list[Deployment]:
    """Every convergence, the newest first."""
    return [one for one in deployments(world).of_group(GROUP) if one.kind == "converge"]


def test_a_node_that_missed_a_deployment_is_brought_to_its_groups_release(world: World) -> None:
    """Drained, verified and put back as in any deployment; the group's own state is as before."""
    missed, other = world.instances()
    before = world.group()
    (said,) = sweep(world)
    (wanted,) = begun(world)
    assert said.endswith(f"attempt 1 of 3: {wanted.deployment_id}")
    assert sweep(world) == []  # it is being deployed to
    ended = walk(world, wanted.deployment_id)
    assert (ended.state, list(ended.nodes)) == ("Succeeded", [missed])
    assert {world.node(one).release for one in (missed, other)} == {RELEASE.version}
    assert world.targets.told == [("leaves", missed), ("joins", missed)]
    after = world.group()
    assert (after.desired_release, after.deployed) == (before.desired_release, before.deployed)
    assert (after.leases, after.deploying, after.drained) == ({}, "", frozenset())
    assert (world.pages(), sweep(world)) == ([], [])


def test_a_node_that_never_takes_it_is_left_to_a_person_after_three_times(world: World) -> None:
    """One page, by the last attempt; the release is not blamed, and nothing is rolled back."""
    world.endings["InstallRelease"] = ("Failed", "did not start")
    missed, _ = world.instances()
    for number in (1, 2, 3):
        sweep(world)
        wanted = begun(world)[0]
        assert (len(begun(world)), wanted.last_attempt) == (number, number == 3)
        ended = walk(world, wanted.deployment_id)
        assert len(world.pages()) == (number == 3)
        assert (ended.state, ended.undone_by, world.group().deploying) == ("Failed", "", "")
        world.pass_time(60)
    (page,) = world.pages()
    assert "needs you" in page["Subject"]
    said = sweep(world)
    assert [one for one in said if "it needs a person" in one]
    assert [one for one in said if f"{missed} of {GROUP} gets no requests" in one]
    assert len(begun(world)) == 3
    assert releases(world).of_app("web")[0].state_in(GROUP) == "good"


def test_nothing_is_converged_while_anything_else_is_done_or_held(world: World) -> None:
    """A pause, and a release that failed there since."""
    world.pause()
    (said,) = sweep(world)
    assert said.endswith("a pause comes first")
    world.resume()
    failed = Standing(state="failed", at=clock.iso(clock.now()))
    tables.write(releases(world).stand("web", RELEASE.version, GROUP, failed))
    (said,) = sweep(world)
    assert "that release failed in the group since" in said
    assert begun(world) == []
