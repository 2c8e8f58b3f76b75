"""EC2 Auto Scaling: look before acting, and have a node replaced by its group."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import Refused, Retryable
from nightshift.fleet import Capacity

# While one of these is suspended, a terminated node would not be replaced, or not joined.
_NEEDED = frozenset({"Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"})
# Nothing was terminated, and a moment later it may be.
_BUSY = frozenset({"Throttling", "ThrottlingException", "ScalingActivityInProgress", "ResourceContention"})
_REFRESHING = frozenset({"Pending", "InProgress", "Cancelling", "RollbackInProgress"})


@dataclass(frozen=True)
class View:
    """A group as it is now; ``in_service`` are ids of instances that are InService and Healthy."""

    name: str
    desired: int
    largest: int
    in_service: frozenset[str]
    suspended: frozenset[str]
    instances: frozenset[str]
    tags: dict[str, str]


def describe(auto_scaling_group: str) -> View:
    """The group as it is now; raises Refused ``group.unknown``."""
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[auto_scaling_group])
    groups = found["AutoScalingGroups"]
    if not groups:
        raise Refused("group.unknown", f"there is no Auto Scaling group {auto_scaling_group}")
    group = groups[0]
    healthy = {
        one["InstanceId"]
        for one in group["Instances"]
        if one["LifecycleState"] == "InService" and one.get("HealthStatus", "Healthy").lower() == "healthy"
    }
    return View(
        name=auto_scaling_group,
        desired=group["DesiredCapacity"],
        largest=group["MaxSize"],
        in_service=frozenset(healthy),
        suspended=frozenset(process["ProcessName"] for process in group.get("SuspendedProcesses", [])),
        instances=frozenset(one["InstanceId"] for one in group["Instances"]),
        tags={tag["Key"]: tag["Value"] for tag in group.get("Tags", [])},
    )


def capacity(auto_scaling_group: str) -> Capacity:
    """What the group wants and has now, as admission counts it; raises Refused ``group.unknown``."""
    view = describe(auto_scaling_group)
    return Capacity(desired=view.desired, largest=view.largest, in_service=view.in_service)


def stands(auto_scaling_group: str, node_id: str) -> bool:
    """Look whether the group can replace a node; False when it has left the group already.

    Raises Refused ``group.suspended``, ``group.refreshing`` or ``group.not_in_service``.
    """
    view = describe(auto_scaling_group)
    if node_id not in view.instances:
        return False
    if view.suspended & _NEEDED:
        raise Refused(
            "group.suspended",
            f"{auto_scaling_group} has suspended {', '.join(sorted(view.suspended & _NEEDED))}",
        )
    refreshes = client("autoscaling").describe_instance_refreshes(
        AutoScalingGroupName=auto_scaling_group, MaxRecords=1
    )
    if any(refresh["Status"] in _REFRESHING for refresh in refreshes["InstanceRefreshes"]):
        raise Refused("group.refreshing", f"an instance refresh of {auto_scaling_group} is running")
    if node_id not in view.in_service:
        raise Refused("group.not_in_service", f"{node_id} is not InService in {auto_scaling_group}")
    return True


def terminate(auto_scaling_group: str, node_id: str) -> None:
    """Have the group terminate and replace a node; raises Retryable ``group.busy``."""
    try:
        client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=node_id, ShouldDecrementDesiredCapacity=False
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in _BUSY:
            raise
        raise Retryable("group.busy", f"{auto_scaling_group} did not terminate {node_id}: {code}") from error
