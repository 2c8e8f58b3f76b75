"""The fleet's view of Auto Scaling: moto's server as a child process, and what it asks of it."""

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .errors import FleetError
from .layout import REPOSITORY
from .ports import is_free
from .processes import MARK
from .settings import ACCOUNT, REGION, FleetSettings

START_SECONDS = 30.0
APP_TAG, GROUP_TAG = "nightshift:app", "nightshift:group"
REPLACING_PROCESSES = {"HealthCheck", "ReplaceUnhealthy", "Terminate", "Launch"}


@dataclass(frozen=True)
class GroupView:
    """One Auto Scaling group that Nightshift's tags mark as its own.

    Attributes:
        instances: health status (`Healthy`, `Unhealthy`) by id, of those that do not terminate.
        replaces: whether the group would replace an unhealthy instance now.
    """

    name: str
    arn: str
    app: str
    group: str
    instances: dict[str, str]
    replaces: bool


def moto_mark(home: Path) -> Path:
    """How moto's process is found again when the fleet was killed: as if it were a machine."""
    return home / "machines" / ".moto"


def start_moto(settings: FleetSettings, log: Path) -> subprocess.Popen[bytes]:
    """Start moto's server and wait until it listens.

    Raises:
        FleetError: it did not start.
    """
    if not is_free(settings.moto_port):
        raise FleetError(f"port {settings.moto_port} is in use")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tools.local.fleet.moto_server", str(settings.moto_port)],
            cwd=REPOSITORY,
            env={
                "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                "LANG": "C.UTF-8",
                MARK: str(moto_mark(settings.home)),
            },
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    deadline = time.monotonic() + START_SECONDS
    while is_free(settings.moto_port):
        if process.poll() is not None or time.monotonic() > deadline:
            with contextlib.suppress(OSError):
                process.kill()
            raise FleetError(f"moto's server did not start; see {log}")
        time.sleep(0.05)
    return process


def local_client(service: str, endpoint: str) -> Any:
    """A boto3 client with the local stack's credentials; it tries once and does not wait long."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  (the local stack takes any)
        config=Config(
            retries={"max_attempts": 0}, connect_timeout=5, read_timeout=30, max_pool_connections=4
        ),
    )


class AutoScaling:
    """Reads groups from moto and asks it for replacements. Blocking: call from a thread."""

    def __init__(self, endpoint: str) -> None:
        self._groups = local_client("autoscaling", endpoint)
        self._ec2 = local_client("ec2", endpoint)

    def groups(self) -> list[GroupView]:
        """All groups that carry Nightshift's tags, by name.

        Raises:
            BotoCoreError, ClientError: moto did not answer.
        """
        pages = self._groups.get_paginator("describe_auto_scaling_groups").paginate()
        found = [_view(raw) for page in pages for raw in page["AutoScalingGroups"]]
        return sorted((one for one in found if one), key=lambda one: one.name)

    def stopped(self, ids: list[str]) -> set[str]:
        """Which of these instances EC2 no longer runs: its health check would fail."""
        if not ids:
            return set()
        answer = self._ec2.describe_instances(InstanceIds=ids)
        return {
            instance["InstanceId"]
            for reservation in answer["Reservations"]
            for instance in reservation["Instances"]
            if instance["State"]["Name"] not in ("pending", "running")
        }

    def tag_name(self, instance_id: str, name: str) -> None:
        """Call an instance by its node's name, as its launch template would."""
        self._ec2.create_tags(Resources=[instance_id], Tags=[{"Key": "Name", "Value": name}])

    def mark_unhealthy(self, instance_id: str) -> None:
        """What EC2's health check does for a dead machine; unknown ids are ignored."""
        with contextlib.suppress(ClientError):
            self._groups.set_instance_health(InstanceId=instance_id, HealthStatus="Unhealthy")

    def replace(self, instance_id: str) -> None:
        """Terminate without lowering the desired capacity: a replacement comes."""
        with contextlib.suppress(ClientError):
            self._groups.terminate_instance_in_auto_scaling_group(
                InstanceId=instance_id, ShouldDecrementDesiredCapacity=False
            )


UNREACHABLE = (BotoCoreError, ClientError)


def _view(raw: dict[str, Any]) -> GroupView | None:
    tags = {tag["Key"]: tag.get("Value", "") for tag in raw.get("Tags", [])}
    if not tags.get(APP_TAG) or not tags.get(GROUP_TAG):
        return None
    suspended = {one["ProcessName"] for one in raw.get("SuspendedProcesses", [])}
    name = raw["AutoScalingGroupName"]
    return GroupView(
        name,
        raw.get("AutoScalingGroupARN")
        or f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup::autoScalingGroupName/{name}",
        tags[APP_TAG],
        tags[GROUP_TAG],
        {
            one["InstanceId"]: one["HealthStatus"]
            for one in raw["Instances"]
            if not one["LifecycleState"].startswith("Terminat")
        },
        not suspended & REPLACING_PROCESSES,
    )
