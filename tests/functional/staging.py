"""Makes a world: the stack's tables and names in moto, a policy in force, healthy nodes in service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import time_machine
from moto import mock_aws

from nightshift.aws import secrets, session
from nightshift.fleet import Release
from tests.functional.gate import GATES, listen
from tests.functional.state import GROUP
from tests.functional.world import BASE, WELL, World
from tests.samples import sample
from tests.stack import ACCOUNT, REGION, stack

START = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
RELEASE = Release(version="1.0.0", key="releases/web/1.0.0.tar.gz", sha256="ab" * 32)
POLICY = """
version: 1
groups:
  web-prod: { app: web, service: web, auto_scaling_group: web-prod }
symptoms:
  service_down:
    metric: { namespace: Nightshift, name: ServiceUp, statistic: Minimum, resolution_seconds: 1 }
    below: 1
    period_seconds: 10
    for_seconds: 5
    ladder: [restart_service, rebuild_container, replace_node]
  cpu_sustained:
    metric: { namespace: Nightshift, name: CPUUtilization, statistic: Maximum, resolution_seconds: 1 }
    above: 85
    period_seconds: 10
    for_seconds: 15
    ladder: [restart_service, replace_node]
  disk_full:
    metric: { namespace: Nightshift, name: DiskUsedPercent, statistic: Maximum, resolution_seconds: 1 }
    above: 90
    period_seconds: 10
    for_seconds: 5
    ladder: [clean_disk, replace_node]
healing:
  cooldown_seconds: 30
  attempts: 5
  lease_seconds: 600
  settle_seconds: 4
  verify_timeout_seconds: 12
  stale_seconds: 20
  recheck_seconds: 5
  deadline_seconds: 1200
  min_healthy: 1
  storm: { gather_seconds: 0, cooldown_seconds: 20 }
  flapping: { heals: 9, window_seconds: 600 }
"""


@contextmanager
def made(policy: str = POLICY, nodes: int = 2) -> Iterator[World]:
    """A world at START: the stack, a policy in force, a release, and healthy nodes in service."""
    with (
        patch.dict(os.environ, BASE, clear=True),
        mock_aws(),
        time_machine.travel(START, tick=False) as traveller,
    ):
        world = World(time=traveller)
        listen(session._session())
        secrets._read.clear()  # what a process knows, a new world does not
        GATES.append(world)
        _deploy()
        _seed(world, policy, nodes)
        world.calls.clear()
        world.published.clear()
        try:
            yield world
        finally:
            GATES.remove(world)


def _deploy() -> None:
    dynamodb = session.client("dynamodb")
    for table in stack().tables():
        dynamodb.create_table(**table)
    session.client("events").create_event_bus(Name=stack().ref("Bus"))
    session.client("s3").create_bucket(Bucket=stack().ref("ArtifactsBucket"))
    session.client("s3").create_bucket(Bucket=stack().ref("AnchorsBucket"), ObjectLockEnabledForBucket=True)
    topic = session.client("sns").create_topic(Name=stack().ref("PagesTopic").rpartition(":")[2])["TopicArn"]
    queue = session.client("sqs").create_queue(QueueName="pager")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:pager"
    assert queue
    session.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for name in ("heal", "deploy", "run"):
        session.client("stepfunctions").create_state_machine(
            name=f"nightshift-{name}",
            definition='{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":1,"End":true}}}',
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}",
        )


def _seed(world: World, policy: str, nodes: int) -> None:
    session.client("s3").put_object(
        Bucket=stack().ref("ArtifactsBucket"), Key=stack().ref("PolicyKey"), Body=policy.encode()
    )
    adopted = world.invoke("adopt_policy", sample("schedule/adopt_policy"))
    assert adopted["adopted"], adopted
    world.groups.ensure(GROUP, "web", GROUP)
    world.groups.desire(GROUP, RELEASE)
    world.resume()
    session.client("ec2").create_launch_template(
        LaunchTemplateName=GROUP, LaunchTemplateData={"ImageId": "ami-12c6146b", "InstanceType": "t4g.small"}
    )
    session.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=GROUP,
        LaunchTemplate={"LaunchTemplateName": GROUP},
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=nodes,
        AvailabilityZones=[f"{REGION}a"],
        Tags=[{"Key": "nightshift:group", "Value": GROUP, "PropagateAtLaunch": True}],
    )
    for node_id in world.instances():
        world.invoke("resume_step", world.finish(world.welcome(node_id)))
        world.readings[node_id] = dict(WELL)
    world.pass_time(15)
