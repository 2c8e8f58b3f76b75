"""Nodes of the whole stack push: from a real probe on a real node to a row and a metric in the cloud."""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from nightshift import pushing
from tests.e2e.conftest import Stack, wait

pytestmark = pytest.mark.e2e
EVERY_NODE = [{"Key": "tag-key", "Values": ["nightshift:group"]}]


def rows(stack: Stack) -> list[dict[str, str]]:
    """Every row that was kept."""
    s3, bucket = stack.client("s3"), stack.facts()["outputs"]["ArtifactsBucket"]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix="samples/").get("Contents", [])]
    texts = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_every_node_pushes_and_every_line_is_a_row_that_counts(stack: Stack) -> None:
    """Switched on as the template does it, and off again."""
    ssm, url = stack.client("ssm"), stack.facts()["outputs"]["SamplesUrl"]
    asked = {"Name": "Nightshift-PushSamples", "Targets": EVERY_NODE}
    made = ssm.create_association(**asked, Parameters={"Mode": ["interval"], "Url": [url]})
    try:
        nodes = {node["id"] for node in stack.json("nodes") if node["state"] == "in_service"}
        wait(lambda: nodes <= {row["node_id"] for row in rows(stack)}, 90, "a row of every node")
        assert [row for row in rows(stack) if "reason" in row] == []
        found = stack.client("cloudwatch").list_metrics(Namespace="Nightshift/Fleet", MetricName="cpu_busy")
        assert found["Metrics"]
    finally:
        ssm.create_association(**asked, Parameters={"Mode": ["off"], "Url": [url]})
        ssm.delete_association(AssociationId=made["AssociationDescription"]["AssociationId"])


def test_of_one_request_sent_twelve_times_at_once_one_is_taken(stack: Stack) -> None:
    """By whichever processes: each of them may be the first to see it, and one of them is."""
    outputs = stack.facts()["outputs"]
    secret = stack.client("secretsmanager").get_secret_value(SecretId=outputs["SamplesSecretArn"])
    node = stack.json("nodes")[0]["id"]
    body, name, now = b'{"v":1,"at":"not a sample"}\n', f"p-{uuid.uuid4()}", str(int(time.time()))
    mac = pushing.signature(pushing.node_key(secret["SecretString"], node), name, now, body)
    headers = {pushing.NODE: node, pushing.ID: name, pushing.TIMESTAMP: now, pushing.SIGNATURE: mac}

    def post(_: int) -> int:
        request = urllib.request.Request(outputs["SamplesUrl"], body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    with ThreadPoolExecutor(12) as crowd:
        assert sorted(crowd.map(post, range(12))) == [202] + [409] * 11
