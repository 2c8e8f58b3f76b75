"""welcome_node and retire_node: the inventory follows the group."""

from __future__ import annotations

import pytest

from nightshift.aws import session
from nightshift.errors import Permanent, Refused, Retryable
from tests.functional.fleet import alarms, grow
from tests.functional.staging import RELEASE
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.samples import NODE, sample
from tests.stack import stack


def forget_the_release() -> None:
    """A group that desires none yet."""
    session.client("dynamodb").update_item(
        TableName=stack().ref("GroupsTable"),
        Key={"group": {"S": GROUP}},
        UpdateExpression="REMOVE desired_release",
    )


def test_a_fresh_node_is_registered_watched_and_given_the_groups_release(world: World) -> None:
    """Pending until the release is there; then it counts."""
    fresh = grow(world)
    command = world.welcome(fresh)
    node = world.node(fresh)
    assert (node.state, node.group, node.app, node.auto_scaling_group) == ("pending", GROUP, "web", GROUP)
    assert command.node_id == fresh
    assert (command.parameters["Mode"], command.parameters["Version"]) == ("install", RELEASE.version)
    assert set(alarms(fresh)) == {
        f"nightshift-node-{symptom}-{fresh}" for symptom in ("service_down", "cpu_sustained", "disk_full")
    }
    world.invoke("resume_step", world.finish(command))
    assert (world.node(fresh).state, world.node(fresh).release) == ("in_service", RELEASE.version)


def test_an_alarm_watches_exactly_what_the_policy_says(world: World) -> None:
    """Threshold, direction, period and statistic; what is missing is not breaching by itself."""
    sick, _ = world.instances()
    alarm = alarms(sick)[f"nightshift-node-service_down-{sick}"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1.0, "LessThanThreshold")
    assert (alarm["Period"], alarm["Statistic"], alarm["MetricName"]) == (10, "Minimum", "ServiceUp")
    cpu = alarms(sick)[f"nightshift-node-cpu_sustained-{sick}"]
    assert (cpu["Threshold"], cpu["ComparisonOperator"]) == (85.0, "GreaterThanThreshold")


def test_a_node_is_called_by_its_name_tag_else_by_its_id(world: World) -> None:
    """People know names."""
    fresh = grow(world)
    session.client("ec2").create_tags(Resources=[fresh], Tags=[{"Key": "Name", "Value": "web-3"}])
    world.welcome(fresh)
    assert world.node(fresh).name == "web-3"
    other = world.instances()[0]
    assert world.node(other).name == other


def test_a_welcome_that_is_delivered_again_does_the_rest_only(world: World) -> None:
    """The queue delivers at least once: the same step is sent while pending, nothing once in service."""
    fresh = grow(world)
    first = world.welcome(fresh)
    second = world.welcome(fresh)
    assert first.parameters["StepId"] == second.parameters["StepId"]
    world.invoke("resume_step", world.finish(second))
    sent = len(world.ssm.commands)
    world.welcome(fresh)
    assert len(world.ssm.commands) == sent
    assert world.node(fresh).state == "in_service"


def test_a_node_whose_agent_is_not_online_yet_is_welcomed_later(world: World) -> None:
    """Retryable: the queue gives it back; nothing is lost meanwhile."""
    fresh = grow(world)
    world.ssm.offline.add(fresh)
    with pytest.raises(Retryable) as offline:
        world.welcome(fresh)
    assert offline.value.code == "command.node_offline"
    assert world.node(fresh).state == "pending"
    world.ssm.offline.clear()
    world.invoke("resume_step", world.finish(world.welcome(fresh)))
    assert world.node(fresh).state == "in_service"


def test_a_group_without_a_release_leaves_its_nodes_pending(world: World) -> None:
    """Nothing to install: the queue asks again until there is."""
    fresh = grow(world)
    forget_the_release()
    with pytest.raises(Retryable) as none:
        world.welcome(fresh)
    assert none.value.code == "release.none"
    assert world.node(fresh).state == "pending"


def test_a_release_that_cannot_be_installed_is_an_error_that_somebody_sees(world: World) -> None:
    """No incident waits for this node: the error goes to the dead-letter queue, the node stays pending."""
    fresh = grow(world)
    command = world.welcome(fresh)
    with pytest.raises(Permanent, match="sha256 differs") as failed:
        world.invoke("resume_step", world.finish(command, "Failed", "sha256 differs"))
    assert failed.value.code == "node.not_welcomed"
    assert world.node(fresh).state == "pending"


def test_an_instance_of_another_group_is_not_ours(world: World) -> None:
    """The rule hears every launch in the account; the policy names our groups."""
    answer = world.invoke("welcome_node", world.launched(NODE, "somebody-elses"))
    assert answer == {"node_id": NODE, "welcomed": False}
    assert world.nodes.get(NODE) is None


def test_a_launch_of_an_unknown_shape_is_refused(world: World) -> None:
    """Its code and reason end in the dead-letter queue with the message."""
    record = sample("auto_scaling/queued_launch")
    record["Records"][0]["body"] = "{}"
    with pytest.raises(Refused) as refused:
        world.invoke("welcome_node", record)
    assert refused.value.code == "event.unknown_shape"


def test_a_node_that_left_is_marked_and_not_watched_any_more(world: World) -> None:
    """Terminated stays in the inventory, so that a late event still knows it."""
    gone, other = world.instances()
    assert world.invoke("retire_node", world.terminated(gone)) == {"node_id": gone, "retired": True}
    assert world.node(gone).state == "terminated"
    assert alarms(gone) == {}
    assert len(alarms(other)) == 3
    assert world.invoke("retire_node", world.terminated(gone))["retired"] is True


def test_an_instance_that_was_never_ours_is_not_retired(world: World) -> None:
    """Nothing is deleted for it."""
    assert world.invoke("retire_node", sample("auto_scaling/terminated")) == {
        "node_id": NODE,
        "retired": False,
    }
