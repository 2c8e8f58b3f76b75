"""Queues that start functions: batches as large as they are allowed to be, and the window that fills them.

Upstream hands over ten messages at most, at once, whatever the event source mapping says. Lambda waits until
the batch is full, the window is over since the oldest message came, or the payload would pass 6 MB.
"""

from __future__ import annotations

import time
from typing import Any

from tools.local.cloud.config import CloudConfig

PAYLOAD_BYTES = 6_000_000


def apply(_config: CloudConfig) -> None:
    """Replace how the poller takes messages; queues of people's own calls are as they were."""
    from ministack.services import lambda_svc, sqs

    def windows() -> dict[str, float]:
        return {
            esm["EventSourceArn"]: float(esm.get("MaximumBatchingWindowInSeconds") or 0)
            for _account, _region, esm in lambda_svc._iter_all_esms()
        }

    def receive(url: str, batch_size: int) -> list[dict[str, Any]]:
        with sqs._queues_lock:
            queue = sqs._get_q(url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            window = windows().get(queue["attributes"]["QueueArn"], 0.0)
            count = ready(queue["messages"], int(batch_size or 1), window, time.time())
            timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
            return list(sqs._collect_msgs(queue, count, timeout)) if count else []

    sqs._receive_messages_for_esm = receive


def ready(messages: list[dict[str, Any]], batch_size: int, window: float, now: float) -> int:
    """How many of a queue's messages make a batch now; 0 while it is worth to wait for more."""
    count, room, oldest = 0, PAYLOAD_BYTES, now
    for message in messages:
        if message.get("visible_at", 0) > now:
            continue
        room -= len(message["body"])
        if count == batch_size or (room < 0 and count):
            return count
        count, oldest = count + 1, min(oldest, message["sent_at"])
    return count if count == batch_size or now - oldest >= window else 0
