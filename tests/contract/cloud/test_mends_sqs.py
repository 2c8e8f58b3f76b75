"""Mends of queues that start functions: how large a batch is, and how long it is waited for."""

from __future__ import annotations

import uuid

import pytest

from tests.contract.cloud.harness import wait_for
from tests.contract.cloud.upstream import Upstream
from tools.local.cloud.mends.sqs_batches import PAYLOAD_BYTES, ready

SOURCE = "def handler(event, context):\n    return {}\n"


def batches(server, *, size, window, messages):
    """What the event source mapping says of the batch in which so many messages were handled."""
    name = f"batch-{uuid.uuid4().hex[:8]}"
    sqs, lambda_ = server.client("sqs"), server.client("lambda")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    for number in range(messages):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    Upstream.function(server, name, SOURCE)
    mapping = lambda_.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=f"arn:aws:sqs:us-east-1:000000000000:{name}",
        BatchSize=size,
        MaximumBatchingWindowInSeconds=window,
    )

    def said():
        result = lambda_.get_event_source_mapping(UUID=mapping["UUID"]).get("LastProcessingResult", "")
        return result if result.startswith("OK") else ""

    return wait_for(said, "a batch")


def test_a_batch_is_as_large_as_the_mapping_allows(cloud):
    """All that wait, together."""
    assert batches(cloud, size=500, window=1, messages=25) == "OK - 25 records"


def test_upstream_still_hands_over_ten_at_most(upstream):
    """Needless once upstream keeps to BatchSize and the window."""
    assert batches(upstream, size=500, window=1, messages=25) in {"OK - 10 records", "OK - 5 records"}


def message(*, at=0.0, visible=0.0, size=10):
    """A message as upstream keeps it."""
    return {"body": "x" * size, "sent_at": at, "visible_at": visible}


@pytest.mark.parametrize(
    ("messages", "now", "count"),
    [
        ([], 10.0, 0),
        ([message(at=9.0)] * 3, 10.0, 0),
        ([message(at=9.0), message(at=4.9)], 10.0, 2),
        ([message(at=9.0)] * 7, 10.0, 5),
        ([message(at=0.0, visible=11.0)], 10.0, 0),
        ([message(at=9.0, size=PAYLOAD_BYTES // 2 + 1)] * 3, 10.0, 1),
        ([message(at=9.0, size=PAYLOAD_BYTES + 1)] * 2, 10.0, 1),
    ],
)
def test_a_batch_is_ready_when_it_is_full_or_old_or_heavy(messages, now, count):
    """A window of five seconds, five messages at most."""
    assert ready(messages, 5, 5.0, now) == count
