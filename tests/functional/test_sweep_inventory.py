"""The inventory against what AWS lists: nodes that came and left unheard, and listings that are partial."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nightshift.aws import session
from nightshift.errors import Retryable
from tests.functional.fleet import alarms, grow
from tests.functional.staging import made
from tests.functional.state import GROUP
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World
from tests.stack import stack


@pytest.fixture
def four() -> Iterator[World]:
    """A group of four nodes."""
    with made(nodes=4) as world:
        yield world


def vanish(world: World, count: int, *, forgotten: bool = False) -> list[str]:
    """So many instances end, and nobody hears of it; ``forgotten`` by EC2 too, as it does after an hour."""
    gone = world.instances()[:count]
    for node_id in gone:
        session.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=node_id, ShouldDecrementDesiredCapacity=True
        )
    world.ssm.offline |= set(gone)
    if forgotten:
        world.forgotten |= set(gone)
    return gone


def test_a_node_that_left_unheard_is_retired(world: World) -> None:
    """Its record, and the alarms that would page about it. A second sweep meanwhile does nothing more."""
    (gone,) = vanish(world, 1)
    assert sweep(world) == [f"{gone} has left {GROUP} unheard; retire_node is told"]
    sweep(world)
    assert len(world.handed) == 2
    follow(world)
    assert world.node(gone).state == "terminated"
    assert alarms(gone) == {}
    assert sweep(world) == []


@pytest.mark.parametrize("sign", ["alive", "online"])
def test_a_node_that_still_gives_a_sign_is_kept(world: World, sign: str) -> None:
    """Detached and running, or its agent answers: Auto Scaling's word alone is not enough."""
    node_id, _ = world.instances()
    if sign == "alive":
        session.client("autoscaling").detach_instances(
            InstanceIds=[node_id], AutoScalingGroupName=GROUP, ShouldDecrementDesiredCapacity=True
        )
        world.ssm.offline.add(node_id)
    else:
        vanish(world, 1)
        world.ssm.offline.clear()
    assert sweep(world) == []
    assert world.node(node_id).state == "in_service"


def test_an_instance_that_came_unheard_is_welcomed(world: World) -> None:
    """After a minute, through the queue in which a fresh node waits for its agent."""
    fresh = grow(world)
    world.pass_time(30)
    assert sweep(world) == []
    world.pass_time(31)
    assert sweep(world) == [f"{fresh} came into {GROUP} unheard; welcome_node is told"]
    sweep(world)
    assert [queue for queue, _ in world.queued] == [stack().ref("WelcomeQueue")] * 2
    for _, event in world.queued:
        record = world.launched(fresh)
        record["Records"][0]["body"] = json.dumps(event)
        world.invoke("welcome_node", record)
    assert len({one.parameters["StepId"] for one in world.ssm.commands if one.node_id == fresh}) == 1
    world.invoke("resume_step", world.finish(world.ssm.last))
    assert world.node(fresh).state == "in_service"
    assert sweep(world) == []


@pytest.mark.parametrize(
    "call",
    ["auto-scaling.DescribeAutoScalingGroups", "ec2.DescribeInstances", "ssm.DescribeInstanceInformation"],
)
def test_a_listing_that_is_throttled_is_refused(world: World, call: str) -> None:
    """Whichever of the three: nothing is changed, and the round fails with the reason."""
    vanish(world, 1)
    world.broken[call] = "Throttling"
    with pytest.raises(Retryable, match=r"inventory\.partial: .* did not list the fleet whole: Throttling"):
        sweep(world)
    assert world.handed == []
    world.broken.clear()
    assert len(sweep(world)) == 1


def test_more_nodes_than_allowed_that_are_listed_nowhere_are_not_believed(four: World) -> None:
    """Two of four, with 30 % allowed: the listing is partial, and nothing is changed."""
    vanish(four, 2, forgotten=True)
    assert len(four.instances()) == 2
    with pytest.raises(Retryable, match="2 of 4 known nodes of web-prod are listed nowhere at once"):
        sweep(four)
    assert (four.handed, four.queued) == ([], [])
    assert {node.state for node in four.nodes.listing()} == {"in_service"}


def test_nodes_that_ec2_says_are_terminated_have_left_however_many(four: World) -> None:
    """That is evidence, not absence: a group that was scaled in while events were lost."""
    gone = vanish(four, 3)
    assert len(sweep(four)) == 3
    follow(four)
    assert {four.node(one).state for one in gone} == {"terminated"}


def test_a_group_that_is_not_listed_while_its_nodes_are_known_is_refused(world: World) -> None:
    """An empty answer is not an empty fleet."""
    session.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    with pytest.raises(Retryable, match="web-prod is not listed, and 2 nodes of web-prod are known"):
        sweep(world)
    assert world.handed == []


def test_a_whole_fleet_is_compared_with_one_listing(world: World) -> None:
    """EC2 and Systems Manager are asked about nothing when nothing differs."""
    assert sweep(world) == []
    asked = [call.action for call in world.calls if call.action.startswith(("autoscaling", "ec2", "ssm"))]
    assert asked == ["autoscaling:DescribeAutoScalingGroups"]
