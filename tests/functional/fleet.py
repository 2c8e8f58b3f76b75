"""The group, seen and changed from outside."""

from __future__ import annotations

from nightshift.aws import session
from tests.functional.state import GROUP
from tests.functional.world import World


def grow(world: World, size: int = 3) -> str:
    """The group launches one node more; its id."""
    before = set(world.instances())
    session.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=size)
    (fresh,) = set(world.instances()) - before
    return fresh


def alarms(node_id: str) -> dict[str, dict[str, object]]:
    """The alarms that watch a node, by name."""
    found = session.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {one["AlarmName"]: one for one in found if one["Dimensions"][0]["Value"] == node_id}
