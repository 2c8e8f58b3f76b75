"""Fills a freshly deployed local stack: the policy, a release of each app, and two groups of nodes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.local.apps.release import Release, build
from tools.local.paths import ROOT, home
from tools.local.ports import DEFAULT_BASE, PLAIN, Ports

POLICY = ROOT / "tools" / "local" / "policy.yaml"
POLICY_KEY = "policy/nightshift.yaml"
RELEASE = "1.0.0"
NODES_PER_GROUP = 3
LOGIN = "nightshift/ssh"

Clients = Callable[[str], Any]


class SeedFailed(Exception):
    """A function refused what the stack was to be filled with."""


@dataclass(frozen=True)
class Group:
    """A group of nodes: its name in the policy, its app, and its Auto Scaling group (of the same name)."""

    name: str
    app: str


GROUPS = (Group("api-local", "api"), Group("web-local", "web"))


def policy_text(ports: Ports) -> str:
    """The local policy; its repositories are those below the state folder, its ports those of this stack."""
    text, usual = (
        POLICY.read_text().replace("file:///nightshift/", f"{home().as_uri()}/"),
        Ports(DEFAULT_BASE),
    )
    for number in range(len(GROUPS)):
        old, new = usual.proxies + number, ports.proxies + number
        text = text.replace(f"http://127.0.0.1:{old}", f"http://127.0.0.1:{new}")
    for number in range(PLAIN):
        text = text.replace(f"port: {usual.plain + number}", f"port: {ports.plain + number}")
    return text


def adopt_policy(clients: Clients, bucket: str, policy: str) -> dict[str, Any]:
    """Upload a policy's text and have it adopted; returns the function's answer.

    Raises:
        SeedFailed: the policy is refused, with the reason.
    """
    clients("s3").put_object(Bucket=bucket, Key=POLICY_KEY, Body=policy.encode())
    answer = clients("lambda").invoke(FunctionName="nightshift-adopt_policy", Payload=b"{}")
    said: dict[str, Any] = json.load(answer["Payload"])
    if "FunctionError" in answer or said.get("code"):
        reason = said.get("reason") or said.get("errorMessage")
        raise SeedFailed(f"the policy was not adopted: {reason}")
    return said


def publish_login(clients: Clients, bucket: str) -> None:
    """The key to the machines without an agent, and their host keys, where run_command finds them."""
    run = home() / "run"
    login = {"user": "nightshift", "private_key": (run / "ssh_key").read_text()}
    clients("secretsmanager").create_secret(Name=LOGIN, SecretString=json.dumps(login))
    known = (run / "known_hosts").read_bytes()
    clients("s3").put_object(Bucket=bucket, Key="ssh/known_hosts", Body=known)


def publish_releases(clients: Clients, outputs: Mapping[str, str], workshop: Path) -> None:
    """Build the first release of each app, upload it, and make it what its group runs."""
    for group in GROUPS:
        release = build(group.app, RELEASE, workshop)
        key = f"releases/{group.app}/{RELEASE}.tar.gz"
        body = release.path.read_bytes()
        clients("s3").put_object(Bucket=outputs["ArtifactsBucket"], Key=key, Body=body)
        item = {
            "group": group.name,
            "app": group.app,
            "auto_scaling_group": group.name,
            "desired_release": _artifact(release, key),
            "leases": {},
            "fence": 0,
            "replacements": {},
            "troubled": {},
            "attempts": {},
        }
        dynamodb = clients("dynamodb")
        dynamodb.put_item(TableName=outputs["GroupsTable"], Item=_attributes(item))
        built = _built(group, release, key)
        dynamodb.put_item(TableName=outputs["ReleasesTable"], Item=_attributes(built))


def _artifact(release: Release, key: str) -> dict[str, Any]:
    return {"version": release.version, "key": key, "sha256": release.sha256, "size": release.size}


def _built(group: Group, release: Release, key: str) -> dict[str, Any]:
    """The first release as one that was deployed long ago and lasted."""
    long_ago = "2026-01-01T00:00:00.000Z"
    return {
        **_artifact(release, key),
        "app": group.app,
        "unpacked": release.size,
        "files": 1,
        "commit": "0" * 40,
        "author": "nightshift",
        "message": "the first release",
        "committed_at": long_ago,
        "created_at": long_ago,
        "rollback": "safe",
        "standings": {group.name: {"state": "good", "at": long_ago, "deployment_id": ""}},
    }


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
