"""Auto Scaling and the machines stay in step."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.contract.fleet.harness import wait_for
from tools.local.fleet import faults

LAUNCHED, TERMINATED = "EC2 Instance Launch Successful", "EC2 Instance Terminate Successful"


def told_of(fleet, kind, node_id):
    return [detail for detail in fleet.cloud.events_of(kind) if detail["EC2InstanceId"] == node_id]


def replacement_of(fleet, node):
    """The node that came instead of this one, once it is in service."""
    known = {one["id"] for one in fleet.nodes()}
    return lambda: next(one for one in fleet.nodes(node["app"], "in_service") if one["id"] not in known)


def test_a_launch_is_told_once_the_agent_is_there(fleet):
    """Each booted instance has its event, with group, instance and activity."""
    node = fleet.nodes("web")[0]
    detail = wait_for(lambda: told_of(fleet, LAUNCHED, node["id"]))[0]
    assert detail["AutoScalingGroupName"] == "nightshift-web-test"
    assert (detail["StatusCode"], bool(detail["ActivityId"])) == ("InProgress", True)
    assert len(told_of(fleet, LAUNCHED, node["id"])) == 1


def test_a_terminated_node_is_replaced_by_a_fresh_one(fleet, web):
    """Its processes and folders go, the new node takes the name over and holds no release."""
    replacement = replacement_of(fleet, web)
    fleet.scaling.terminate_instance_in_auto_scaling_group(
        InstanceId=web["id"], ShouldDecrementDesiredCapacity=False
    )
    fresh = wait_for(replacement)
    wait_for(lambda: told_of(fleet, TERMINATED, web["id"]))
    assert fleet.living([Path(web["machine_dir"])]) == []
    assert not Path(web["dir"]).exists()
    assert not Path(web["machine_dir"]).exists()
    assert (fresh["name"], fresh["release"]) == (web["name"], None)
    assert {fresh["port"], fresh["ssh_port"]}.isdisjoint({web["port"], web["ssh_port"]})
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        fleet.send("restart_service", web["id"], StepId="x", Fence="1", Service="web")


def test_a_dead_machine_is_replaced_and_leaves_no_process(fleet, web):
    """After SIGKILL of its supervisor, agent and service go and a new node comes."""
    faults.spin_cpu(web)
    replacement = replacement_of(fleet, web)
    faults.kill_machine(web)
    wait_for(replacement)
    wait_for(lambda: told_of(fleet, TERMINATED, web["id"]))
    assert fleet.living([Path(web["machine_dir"])]) == []
    assert not Path(web["machine_dir"]).exists()


def test_a_wrecked_service_definition_needs_a_new_node(fleet, web):
    """Neither restart nor rebuild can start the service; both say so."""
    faults.wreck_service_definition(web)
    assert fleet.restart(web["id"])["Status"] == "Failed"
    assert fleet.install(web["id"], "rebuild")["Status"] == "Failed"
    replacement = replacement_of(fleet, web)
    fleet.scaling.set_instance_health(InstanceId=web["id"], HealthStatus="Unhealthy")
    fresh = wait_for(replacement)
    assert fleet.install(fresh["id"])["Status"] == "Success"


def test_a_suspended_group_replaces_nobody(fleet):
    """While processes are suspended, an unhealthy instance stays."""
    node = fleet.nodes("api", "in_service")[0]
    group = node["auto_scaling_group"]
    fleet.scaling.suspend_processes(AutoScalingGroupName=group, ScalingProcesses=["ReplaceUnhealthy"])
    fleet.scaling.set_instance_health(InstanceId=node["id"], HealthStatus="Unhealthy")
    seen = len(fleet.cloud.metric_bodies)
    wait_for(lambda: len(fleet.cloud.metric_bodies) > seen + 2)
    assert fleet.node(node["id"])["state"] == "in_service"
    fleet.scaling.set_instance_health(InstanceId=node["id"], HealthStatus="Healthy")
    fleet.scaling.resume_processes(AutoScalingGroupName=group)


def test_an_instance_stopped_in_ec2_is_replaced(fleet):
    """EC2's health check fails for a stopped instance; Auto Scaling replaces it."""
    node = fleet.nodes("api", "in_service")[0]
    replacement = replacement_of(fleet, node)
    fleet.ec2.stop_instances(InstanceIds=[node["id"]])
    wait_for(replacement)


@pytest.mark.parametrize("action", ["terminate_instance_in_auto_scaling_group", "set_instance_health"])
def test_an_unknown_instance_is_a_validation_error(fleet, action):
    """As in AWS, and unlike bare moto (a 500 page), an unknown id is refused with a code."""
    extra = (
        {"ShouldDecrementDesiredCapacity": False}
        if action.startswith("terminate")
        else {"HealthStatus": "Unhealthy"}
    )
    with pytest.raises(ClientError) as refused:
        getattr(fleet.scaling, action)(InstanceId="i-00000000000000000", **extra)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_names_and_folders_are_per_node(fleet):
    """Every node has its own folders, ports and name."""
    nodes = wait_for(
        lambda: len(fleet.nodes(state="in_service")) == len(fleet.nodes()) == 3 and fleet.nodes()
    )
    for key in ("name", "dir", "machine_dir", "port", "ssh_port", "agent_pid", "supervisor_pid"):
        assert len({node[key] for node in nodes}) == 3, key
    assert {Path(node["dir"]).name for node in nodes} == {
        path.name for path in (fleet.home / "nodes").iterdir()
    }
