"""Deployments that no machine works on: begun, or closed and undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.deploying import commit, deployments, good, policy, push, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import made
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two nodes that run a good release."""
    with made(policy(folder)) as fresh:
        good(fresh)
        yield fresh


def test_a_deployment_whose_machine_never_began_is_started(world: World, folder: Path) -> None:
    """start_deployment died between its two steps, and no redelivery came."""
    world.broken["sfn.StartExecution"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        push(world, folder, commit(folder, "page", "new"))
    world.broken.clear()
    assert sweep(world) == []
    world.pass_time(61)
    (said,) = sweep(world)
    (began,) = deployments(world).of_group(world.group().group)
    assert said == f"{began.deployment_id} had no execution; it is started"
    assert sweep(world) == []
    assert walk(world, began.deployment_id).state == "Succeeded"


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_deployment_whose_machine_died_unheard_is_undone(world: World, folder: Path, status: str) -> None:
    """By close_deployment, with the event that was lost: turn and leases come back, nodes go back."""
    began = push(world, folder, commit(folder, "page", "new"))
    machine = Machine(world, began, "deploy")
    machine.run("DeployBatch")
    machine.advance()
    world.fates[began] = {"status": status, "error": "States.Runtime", "cause": "boom"}
    world.pass_time(61)
    assert sweep(world) == [f"{began} runs, and its execution ended {status}; close_deployment is told"]
    follow(world)
    closed = deployments(world).get(began)
    assert closed.state == "Failed"
    assert walk(world, closed.undone_by).state == "Succeeded"
    assert (world.group().deploying, world.group().leases) == ("", {})


def test_a_deployment_that_runs_is_left_alone(world: World, folder: Path) -> None:
    """However long it bakes."""
    push(world, folder, commit(folder, "page", "new"))
    world.pass_time(500)
    assert sweep(world) == []
    assert world.handed == []
