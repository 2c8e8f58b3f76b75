"""A world with an app of two groups, blue and green, behind a rule that sends requests to blue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nightshift import clock
from nightshift.aws import session, tables
from nightshift.fleet import GroupState
from nightshift.releases import Standing
from tests.functional.deploying import deployments, good, policy, releases
from tests.functional.machine import Machine, turn
from tests.functional.staging import RELEASE, made
from tests.functional.state import GROUP
from tests.functional.targets import BLUE, GREEN, RULE
from tests.functional.world import WELL, World
from tests.stack import REGION

OTHER = "web-green"
NAMES = {GROUP: BLUE, OTHER: GREEN}
PAIR = f'{{ {GROUP}: "{BLUE}", {OTHER}: "{GREEN}" }}'
FRONT = f'{{ kind: listener_rule, address: "{RULE}", target_groups: {PAIR} }}'


def coloured(folder: Path) -> str:
    """The tests' policy with a blue-green app of ``folder``."""
    known = "strategy: { batches: [1], min_healthy: 1,"
    text = policy(folder)
    assert known in text
    text = text.replace(known, f"strategy: {{ kind: blue_green, front: {FRONT},")
    text = text.replace("groups: [web-prod]", f"groups: [{GROUP}, {OTHER}]")
    one = f"  {GROUP}: {{ app: web, service: web, auto_scaling_group: {GROUP} }}"
    assert one in text
    return text.replace(one, f"{one}\n{one.replace(GROUP, OTHER)}")


@contextmanager
def two(folder: Path) -> Iterator[World]:
    """Two healthy nodes in each group, all on a good release; requests go to blue."""
    with made(coloured(folder)) as world:
        paint(world)
        yield world


def paint(world: World) -> None:
    """Add green to a world whose policy knows it."""
    world.targets.forward(BLUE)
    world.groups.ensure(OTHER, "web", OTHER)
    world.groups.desire(OTHER, RELEASE)
    session.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=OTHER,
        LaunchTemplate={"LaunchTemplateName": GROUP},
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=2,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{"Key": "nightshift:group", "Value": OTHER, "PropagateAtLaunch": True}],
    )
    for node in nodes(OTHER):
        world.invoke("welcome_node", world.launched(node, OTHER))
        world.invoke("resume_step", world.finish(world.ssm.last))
        world.readings[node] = dict(WELL)
    good(world)
    known = Standing(state="good", at=clock.iso(clock.now()))
    tables.write(releases(world).stand("web", RELEASE.version, OTHER, known))
    world.pass_time(15)
    world.calls.clear()


def nodes(group: str) -> list[str]:
    """The ids of a group's instances."""
    found = session.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])
    return [one["InstanceId"] for one in found["AutoScalingGroups"][0]["Instances"]]


def state(world: World, group: str) -> GroupState:
    """A group as it is now."""
    found = world.groups.get(group)
    assert found is not None
    return found


def switches(world: World) -> list[str]:
    """The groups that the front was switched to, in order."""
    names = {target: group for group, target in NAMES.items()}
    return [names[target] for told, target in world.targets.told if told == "switch"]


def crossing(world: World, deployment_id: str) -> Machine:
    """Walk until requests were switched and the bake has begun."""
    machine, before = Machine(world, deployment_id, "deploy"), len(switches(world))
    while len(switches(world)) == before or machine.name != "LookAgain":
        assert not machine.over, deployments(world).get(deployment_id).reason
        if not machine.advance() and not turn(world):
            world.pass_time(1)
    return machine
