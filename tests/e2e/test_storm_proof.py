"""The storm proof on the embedded cloud: many subjects, five signals about each within a minute.

The nodes are in the inventory and in an Auto Scaling group, but no machines: the signals come as events.
`make test` takes 40 subjects; `make storm` takes 200 and 1,000 signals, about six minutes.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from tests.e2e.conftest import ROOT, Stack, free_base, wait

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]
SUBJECTS = int(os.environ.get("NIGHTSHIFT_STORM", "40"))
SIGNALS, STAY_ILL, IN_REPAIR = 5 * SUBJECTS, 4, 2
RECHECK_SECONDS = 4 + SUBJECTS // 5  # each asks again: more of them, less often
CROWD = {
    "max_in_repair": IN_REPAIR,
    "min_healthy": 0,
    "storm": {"max_unhealthy": "10%", "gather_seconds": 20, "cooldown_seconds": 5},
    "recheck_seconds": RECHECK_SECONDS,
    "deadline_seconds": 400,
    "lease_seconds": 300,
}


class Crowd:
    """A group of many nodes that exist in tables only."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.outputs = stack.facts()["outputs"]
        self.nodes = self._instances()
        self.most_leases = self.most_memory = 0

    def _instances(self) -> list[str]:
        scaling = self.stack.client("autoscaling")
        self.stack.client("ec2").create_launch_template(
            LaunchTemplateName="crowd", LaunchTemplateData={"ImageId": "ami-00000000"}
        )
        scaling.create_auto_scaling_group(
            AutoScalingGroupName="crowd",
            LaunchTemplate={"LaunchTemplateName": "crowd", "Version": "$Latest"},
            MinSize=SUBJECTS,
            MaxSize=SUBJECTS,
            DesiredCapacity=SUBJECTS,
            AvailabilityZones=["us-east-1a"],
        )
        group = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=["crowd"])["AutoScalingGroups"][0]
        return [one["InstanceId"] for one in group["Instances"]]

    def register(self) -> None:
        """The inventory, the group's item and a policy that names the group."""
        self._put(
            "GroupsTable",
            {"group": "crowd", "app": "web", "auto_scaling_group": "crowd", "fence": 0}
            | {name: {} for name in ("leases", "replacements", "troubled", "attempts")},
        )
        for number, node in enumerate(self.nodes, start=1):
            self._put(
                "NodesTable",
                {
                    "node_id": node,
                    "name": f"crowd-{number}",
                    "app": "web",
                    "group": "crowd",
                    "release": "1.0.0",
                }
                | {"auto_scaling_group": "crowd", "state": "in_service", "registered_at": _now()},
            )
        policy = yaml.safe_load((ROOT / "tools/local/policy.yaml").read_text())
        policy["groups"]["crowd"] = {
            "app": "web",
            "service": "web",
            "auto_scaling_group": "crowd",
            "healing": CROWD,
        }
        s3, bucket = self.stack.client("s3"), self.outputs["ArtifactsBucket"]
        s3.put_object(Bucket=bucket, Key=self.outputs["PolicyKey"], Body=yaml.safe_dump(policy).encode())
        answer = self.stack.client("lambda").invoke(FunctionName="nightshift-adopt_policy", Payload=b"{}")
        assert json.load(answer["Payload"])["adopted"]

    def signal(self) -> float:
        """Every subject five times: two symptoms, and three repetitions; the seconds it took."""
        began, events, at = time.monotonic(), self.stack.client("events"), _now()
        said = [
            {
                "schema_version": 1,
                "occurred_at": at,
                "traceparent": f"00-{number:032x}-{1:016x}-01",
                "subject": node,
                "symptom": symptom,
                "alarm": f"nightshift-node-{symptom}-{node}",
                "held_since": at,
                "reason": "storm proof",
            }
            for symptom in ("service_down", "service_down", "cpu_sustained", "service_down", "cpu_sustained")
            for number, node in enumerate(self.nodes, start=1)
        ]
        assert len(said) == SIGNALS
        for start in range(0, SIGNALS, 10):
            entries = [
                {
                    "EventBusName": self.outputs["BusName"],
                    "Source": "nightshift",
                    "DetailType": "SignalRaised",
                }
                | {"Detail": json.dumps(one)}
                for one in said[start : start + 10]
            ]
            assert not events.put_events(Entries=entries)["FailedEntryCount"]
        return time.monotonic() - began

    def sample(self, ill: list[str]) -> None:
        """One sample of each metric of each node: the ill ones are down, all others are well."""
        down, cloudwatch = set(ill), self.stack.client("cloudwatch")
        points = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "InstanceId", "Value": node}],
                "Timestamp": datetime.now(UTC),
                "Value": value,
                "StorageResolution": 1,
            }
            for node in self.nodes
            for name, value in (("ServiceUp", 0.0 if node in down else 1.0), ("CPUUtilization", 5.0))
        ]
        for start in range(0, len(points), 200):
            cloudwatch.put_metric_data(Namespace="Nightshift", MetricData=points[start : start + 200])

    def incidents(self) -> list[dict[str, Any]]:
        """The crowd's incidents, by a scan."""
        pages = (
            self.stack.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["IncidentsTable"], ConsistentRead=True)
        )
        items = [_plain(item) for page in pages for item in page["Items"]]
        return [one for one in items if "version" in one and one.get("group") == "crowd"]

    def group(self) -> dict[str, Any]:
        """The group's item; remembers the most leases and memory that were seen."""
        key = {"group": {"S": "crowd"}}
        item = self.stack.client("dynamodb").get_item(
            TableName=self.outputs["GroupsTable"], Key=key, ConsistentRead=True
        )["Item"]
        found = _plain(item)
        unexpired = [one for one in found["leases"].values() if one["expires_at"] > _now()]
        self.most_leases = max(self.most_leases, len(unexpired))
        self.most_memory = max(self.most_memory, _memory(self.stack.home))
        return found

    def _put(self, table: str, item: dict[str, Any]) -> None:
        values = {name: TypeSerializer().serialize(value) for name, value in item.items()}
        self.stack.client("dynamodb").put_item(TableName=self.outputs[table], Item=values)


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {name: TypeDeserializer().deserialize(value) for name, value in item.items()}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{datetime.now(UTC).microsecond // 1000:03d}Z"


def _memory(home: Path) -> int:
    """Resident bytes of the embedded cloud and its workers."""
    facts = json.loads((home / "run" / "stack.json").read_text())
    cloud = psutil.Process(facts["pid"]["cloud"])
    return sum(one.memory_info().rss for one in [cloud, *cloud.children(recursive=True)])


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    """A stack of its own, with many nodes more."""
    mine = Stack(tmp_path, free_base())
    up = mine.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    try:
        yield Crowd(mine)
    finally:
        mine.run("down")


def test_a_storm_of_two_hundred_subjects_ends_with_one_page(
    crowd: Crowd, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every signal ends with its reason, healing is held, leases keep their limit, one page for the storm."""
    crowd.register()
    began = time.monotonic()
    took = crowd.signal()
    assert took < 60

    def all_held() -> bool:
        crowd.group()
        held = [one for one in crowd.incidents() if one.get("storm")]
        return len(held) == SUBJECTS

    wait(all_held, 240, "every incident is held by the storm")
    held_after = time.monotonic() - began
    (storm,) = [one for one in crowd.incidents() if one["symptom"] == "storm"]
    assert crowd.most_leases == 0, "nothing was done while the storm raged"
    ill = crowd.nodes[:STAY_ILL]

    def all_over() -> bool:
        crowd.sample(ill)
        crowd.group()
        return all(one["state"] != "open" for one in crowd.incidents())

    wait(all_over, 300, "every incident has ended")
    ended = Counter(one["state"] for one in crowd.incidents() if one["symptom"] != "storm")
    assert ended == {"suppressed": SUBJECTS - STAY_ILL, "escalated": STAY_ILL}
    assert all(one["reason"] for one in crowd.incidents())
    assert crowd.most_leases <= IN_REPAIR
    assert crowd.group()["leases"] == {}
    deliveries = crowd.stack.client("dynamodb").scan(TableName=crowd.outputs["DeliveriesTable"])["Items"]
    known = [item["delivery_id"]["S"] for item in deliveries]  # besides, who was told that it is over
    paged = Counter(one.partition("#")[0] for one in known if "#over#" not in one)
    assert paged[storm["incident_id"]] == 1
    suppressed = {one["incident_id"] for one in crowd.incidents() if one["state"] == "suppressed"}
    assert not suppressed & set(paged)
    with capsys.disabled():
        print(  # noqa: T201 - the figures are the point of the proof
            f"\n{SIGNALS} signals about {SUBJECTS} subjects in {took:.1f} s; held after {held_after:.0f} s,"
            f" all over after {time.monotonic() - began:.0f} s; at most {crowd.most_leases} leases;"
            f" the cloud and its workers {crowd.most_memory / 2**20:.0f} MiB"
        )
