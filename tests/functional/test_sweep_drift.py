"""Nodes that do not run what their group was brought to: said, and nothing else."""

from __future__ import annotations

from nightshift.aws import tables
from tests.functional.orders import admitted
from tests.functional.staging import RELEASE
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World


def deployed(world: World, version: str) -> None:
    """The group was brought to a version."""
    world.groups.desire(GROUP, RELEASE.model_copy(update={"version": version}))
    world.calls.clear()


def test_a_node_that_missed_a_deployment_is_named_in_every_round(world: World) -> None:
    """Two rounds at once say it twice, and neither writes, sends or publishes anything."""
    missed, other = world.instances()
    tables.write(world.nodes.change(other, release="2.0.0"))
    deployed(world, "2.0.0")
    said = [f"1 of 2 nodes of {GROUP} do not run 2.0.0: {missed} runs {RELEASE.version}"]
    assert sweep(world) == said
    assert sweep(world) == said
    assert (world.handed, world.queued, world.published, world.ssm.running()) == ([], [], [], [])
    assert not {call.action for call in world.calls} & {"dynamodb:PutItem", "dynamodb:UpdateItem"}
    tables.write(world.nodes.change(missed, release="2.0.0"))
    assert sweep(world) == []


def test_a_node_that_was_changed_by_hand_is_named_where_nothing_was_deployed(world: World) -> None:
    """Then the group's desired release is what its nodes should run."""
    node_id, _ = world.instances()
    tables.write(world.nodes.change(node_id, release="0.9.0"))
    assert sweep(world) == [f"1 of 2 nodes of {GROUP} do not run {RELEASE.version}: {node_id} runs 0.9.0"]


def test_a_node_that_is_worked_on_is_left_out(world: World) -> None:
    """Its lease says that somebody changes it now."""
    sick, _, _ = admitted(world)
    tables.write(world.nodes.change(sick, release="0.9.0"))
    assert sweep(world) == []


def test_a_group_that_is_being_deployed_to_is_left_out(world: World) -> None:
    """Some of its nodes have had their turn, and some have not."""
    deployed(world, "2.0.0")
    tables.write(world.turns.take(GROUP, "dep-1"))
    assert sweep(world) == []


def test_a_node_that_left_or_is_not_in_service_yet_runs_nothing(world: World) -> None:
    """It is not compared."""
    gone, fresh = world.instances()
    tables.write(world.nodes.change(gone, state="terminated", release="0.9.0"))
    tables.write(world.nodes.change(fresh, state="pending", release=""))
    assert sweep(world) == []
