"""Fills a freshly deployed local stack: the policy, a release of each app, and two groups of nodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.local.apps.release import build
from tools.local.paths import ROOT

POLICY = ROOT / "tools" / "local" / "policy.yaml"
POLICY_KEY = "policy/nightshift.yaml"
RELEASE = "1.0.0"
NODES_PER_GROUP = 3

Clients = Callable[[str], Any]


class SeedFailed(Exception):
    """A function refused what the stack was to be filled with."""


@dataclass(frozen=True)
class Group:
    """A group of nodes: its name in the policy, its app, and its Auto Scaling group (of the same name)."""

    name: str
    app: str


GROUPS = (Group("api-local", "api"), Group("web-local", "web"))


def adopt_policy(clients: Clients, bucket: str, policy: Path = POLICY) -> dict[str, Any]:
    """Upload a policy and have it adopted; returns the function's answer.

    Raises:
        SeedFailed: the policy is refused, with the reason.
    """
    clients("s3").put_object(Bucket=bucket, Key=POLICY_KEY, Body=policy.read_bytes())
    answer = clients("lambda").invoke(FunctionName="nightshift-adopt_policy", Payload=b"{}")
    said: dict[str, Any] = json.load(answer["Payload"])
    if "FunctionError" in answer or said.get("code"):
        raise SeedFailed(f"{policy} was not adopted: {said.get('reason') or said.get('errorMessage')}")
    return said


def publish_releases(clients: Clients, bucket: str, groups_table: str, workshop: Path) -> None:
    """Build the first release of each app, upload it, and make it what its group runs."""
    for group in GROUPS:
        release = build(group.app, RELEASE, workshop)
        key = f"releases/{group.app}/{RELEASE}.tar.gz"
        clients("s3").put_object(Bucket=bucket, Key=key, Body=release.path.read_bytes())
        item = {
            "group": group.name,
            "app": group.app,
            "auto_scaling_group": group.name,
            "desired_release": {"version": release.version, "key": key, "sha256": release.sha256},
            "leases": {},
            "fence": 0,
            "replacements": {},
            "troubled": {},
            "attempts": {},
        }
        clients("dynamodb").put_item(TableName=groups_table, Item=_attributes(item))


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    from boto3.dynamodb.types import TypeSerializer

    serializer = TypeSerializer()
    return {name: serializer.serialize(value) for name, value in item.items()}


def create_groups(clients: Clients) -> None:
    """A launch template and an Auto Scaling group for each group; the fleet boots what they ask for."""
    for group in GROUPS:
        clients("ec2").create_launch_template(
            LaunchTemplateName=group.name,
            LaunchTemplateData={"ImageId": "ami-00000000", "InstanceType": "t3.micro"},
        )
        clients("autoscaling").create_auto_scaling_group(
            AutoScalingGroupName=group.name,
            LaunchTemplate={"LaunchTemplateName": group.name, "Version": "$Latest"},
            MinSize=NODES_PER_GROUP - 1,
            MaxSize=NODES_PER_GROUP + 1,
            DesiredCapacity=NODES_PER_GROUP,
            AvailabilityZones=["us-east-1a"],
            Tags=[
                {"Key": key, "Value": value, "PropagateAtLaunch": True}
                for key, value in (("nightshift:app", group.app), ("nightshift:group", group.name))
            ],
        )
