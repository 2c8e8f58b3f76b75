"""welcome_node and retire_node: the inventory follows the group, and a successor inherits."""

from __future__ import annotations

import pytest

from nightshift.aws import session
from nightshift.errors import Conflict, Permanent, Refused, Retryable
from tests.functional.machine import Machine, heal
from tests.functional.staging import RELEASE
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.samples import NODE, sample
from tests.stack import stack


def grow(world: World, size: int = 3) -> str:
    """The group launches one node more; its id."""
    before = set(world.instances())
    session.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=size)
    (fresh,) = set(world.instances()) - before
    return fresh


def forget_the_release() -> None:
    """A group that desires none yet."""
    session.client("dynamodb").update_item(
        TableName=stack().ref("GroupsTable"),
        Key={"group": {"S": GROUP}},
        UpdateExpression="REMOVE desired_release",
    )


def alarms(node_id: str) -> dict[str, dict[str, object]]:
    """The alarms that watch a node, by name."""
    found = session.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return {one["AlarmName"]: one for one in found if one["Dimensions"][0]["Value"] == node_id}


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


def ordered(world: World) -> tuple[str, str]:
    """A node whose replacement is ordered and terminated; its incident."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")}
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    machine = Machine(world, incident_id)
    order = machine.run(until="ReplaceNode")
    world.tokens["token-replace"] = None
    world.invoke("replace_node", {**order, "token": "token-replace"})
    return sick, incident_id


def test_a_successor_inherits_incident_attempts_and_lease_under_the_same_fence(world: World) -> None:
    """What was tried on its predecessor counts; nobody else may act on it meanwhile."""
    sick, incident_id = ordered(world)
    fence, step = world.incident(incident_id).fence, f"{incident_id}-replace-node"
    assert world.group().replacements == {sick: step}
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    node = world.node(fresh)
    assert (node.replaces, node.answers, node.state) == (sick, step, "pending")
    assert len(node.attempts) == 3
    lease = world.group().leases[fresh]
    assert (lease.incident_id, lease.fence) == (incident_id, fence)
    assert sick not in world.group().leases
    assert world.group().replacements == {}
    assert world.subject(fresh).open_incident == incident_id
    assert world.incident(incident_id).node_id == fresh
    assert world.tokens["token-replace"] is None
    world.invoke("resume_step", world.finish(world.ssm.last))
    assert world.tokens["token-replace"] == {"succeeded": True}


def test_a_successor_without_its_release_fails_the_step(world: World) -> None:
    """The machine goes on to a person; the node never counts as in service."""
    _, incident_id = ordered(world)
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    world.invoke("resume_step", world.finish(world.ssm.last, "Failed", "sha256 differs"))
    assert world.tokens["token-replace"] == {"succeeded": False}
    assert world.node(fresh).state == "pending"
    assert world.incident(incident_id).levels[-1].outcome == "failed"


def test_only_one_of_two_fresh_nodes_is_the_successor(world: World) -> None:
    """Both came up at once: the claim is a condition, the other is just a new node."""
    _, incident_id = ordered(world)
    one = next(node for node in world.instances() if world.nodes.get(node) is None)
    other = grow(world)
    world.welcome(one)
    world.welcome(other)
    assert world.node(one).replaces
    assert world.node(other).replaces == ""
    assert world.incident(incident_id).node_id == one


def test_a_signal_that_joins_during_the_succession_makes_it_try_again(world: World) -> None:
    """The incident changed under it: Conflict, the queue delivers again, and then it succeeds."""
    sick, incident_id = ordered(world)
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.time.shift(1)
    signal = world.alarm(sick, "disk_full")
    world.invoke("raise_signal", signal)
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.deliver("SignalRaised")
    with pytest.raises(Conflict):
        world.invoke("welcome_node", world.launched(fresh))
    world.welcome(fresh)
    assert world.node(fresh).replaces == sick
    assert set(world.incident(incident_id).symptoms) == {"service_down", "disk_full"}


def test_the_terminate_event_may_come_before_or_after_the_successor(world: World) -> None:
    """Either order leaves one terminated node and one successor."""
    sick, incident_id = ordered(world)
    world.invoke("retire_node", world.terminated(sick))
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    world.invoke("retire_node", world.terminated(sick))
    assert (world.node(sick).state, world.node(sick).replaced_by) == ("terminated", fresh)
    assert world.incident(incident_id).node_id == fresh
    assert len(alarms(fresh)) == 3


def test_a_refused_replacement_expects_no_successor(world: World) -> None:
    """The group was being refreshed and the node still lives: the next fresh node is not its successor."""
    sick, _ = world.instances()
    world.cures = set()
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")}
    world.refreshes = [{"Status": "InProgress"}]
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    assert world.group().replacements == {}
    fresh = grow(world)
    world.welcome(fresh)
    assert world.node(fresh).replaces == ""
    assert world.node(sick).state == "in_service"
    assert world.incident(incident_id).node_id == sick


def test_a_successor_that_comes_after_the_incident_was_closed_is_a_node_like_any_other(world: World) -> None:
    """A person has the incident by then; the late node must be healed on its own account."""
    sick, incident_id = ordered(world)
    request = {"incident_id": incident_id, "outcome": "escalated", "reason": "the machine ended TIMED_OUT"}
    world.invoke("close_incident", request)
    assert world.group().replacements == {}
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.invoke("resume_step", world.finish(world.welcome(fresh)))
    assert world.node(fresh).state == "in_service"
    assert world.subject(fresh).open_incident == ""
    assert world.incident(incident_id).node_id == sick
