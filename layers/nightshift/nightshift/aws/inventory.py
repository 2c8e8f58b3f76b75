"""Listings of the fleet, whole or not at all: a page that fails refuses the listing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.session import client
from nightshift.errors import Refused
from nightshift.listing import Grouped, Host

ASKED = 50  # names or ids in one request, which all three services take
_ENDED = frozenset({"shutting-down", "terminated"})


def grouped(names: Collection[str]) -> dict[str, Grouped]:
    """What Auto Scaling lists in the groups of these names; a group that does not exist is missing.

    Raises Refused ``inventory.partial`` when a page fails, as the others here do.
    """
    found = {}
    for some in _parts(names):
        for group in _pages("autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=some):
            instances = group["Instances"]
            found[group["AutoScalingGroupName"]] = Grouped(
                instances=frozenset(one["InstanceId"] for one in instances),
                serving=frozenset(
                    one["InstanceId"] for one in instances if one["LifecycleState"] == "InService"
                ),
            )
    return found


def hosts(node_ids: Collection[str]) -> dict[str, Host]:
    """What EC2 lists of these instances; one that it has forgotten is missing."""
    found = {}
    for some in _parts(node_ids):
        # A filter, since an id that EC2 has forgotten fails a request by ids as a whole.
        key = [{"Name": "instance-id", "Values": some}]
        for reservation in _pages("ec2", "describe_instances", Filters=key):
            for one in reservation["Instances"]:
                alive = one["State"]["Name"] not in _ENDED
                found[one["InstanceId"]] = Host(alive=alive, launched_at=one["LaunchTime"])
    return found


def online(node_ids: Collection[str]) -> frozenset[str]:
    """Which of these nodes' agents Systems Manager lists as online."""
    found: set[str] = set()
    for some in _parts(node_ids):
        key = [{"Key": "InstanceIds", "Values": some}]
        for one in _pages("ssm", "describe_instance_information", Filters=key):
            found |= {one["InstanceId"]} if one["PingStatus"] == "Online" else set()
    return frozenset(found)


def _parts(names: Collection[str]) -> Iterator[list[str]]:
    """As many at a time as one request takes; none for no names, which would ask for all there are."""
    ordered = sorted(names)
    for start in range(0, len(ordered), ASKED):
        yield ordered[start : start + ASKED]


def _pages(service: str, operation: str, **request: object) -> Iterator[dict[str, Any]]:
    """Every entry of every page."""
    paginator = client(service).get_paginator(operation)
    try:
        for page in paginator.paginate(**request):
            yield from page[paginator.result_keys[0].expression]
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise Refused("inventory.partial", f"{service} did not list the fleet whole: {code}") from error
