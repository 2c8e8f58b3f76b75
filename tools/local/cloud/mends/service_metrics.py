"""Metrics that AWS services publish by themselves and that alarms on the system itself read.

Upstream publishes those of Lambda only. Queues are measured on a tick, executions when they end.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from tools.local.cloud.config import CloudConfig
from tools.local.cloud.scope import enter_scope

_log = logging.getLogger("nightshift.cloud.metrics")
_EVERY_SECONDS = 5.0
_ENDED = {
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
    "RUNNING": "ExecutionsStarted",
}


def apply(_config: CloudConfig) -> None:
    """Count executions where upstream emits their status event."""
    from ministack.services import cloudwatch, stepfunctions

    emit = stepfunctions._emit_execution_status_event

    def counted(execution: dict[str, Any]) -> None:
        dimensions = {"StateMachineArn": execution["stateMachineArn"]}
        cloudwatch.record_metric("AWS/States", _ENDED[execution["status"]], 1, "Count", dimensions)
        emit(execution)

    stepfunctions._emit_execution_status_event = counted


async def measure_forever() -> None:
    """Publish AWS/SQS metrics of every queue, until cancelled; runs on the server's loop."""
    enter_scope()
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            measure_queues(time.time())
        except Exception:  # noqa: BLE001 - the boundary: a failed sample is a gap, not the end
            _log.warning("queues could not be measured", exc_info=True)


def measure_queues(now: float) -> None:
    """Publish one sample per queue: how many messages wait, and how old the oldest is in seconds."""
    from ministack.services import cloudwatch, sqs

    for queue in list(sqs._queues.values()):
        dimensions = {"QueueName": str(queue["attributes"]["QueueArn"]).rpartition(":")[2]}
        messages = list(queue["messages"])
        waiting = [message for message in messages if message["visible_at"] <= now]
        age = max((now - message["sent_at"] for message in messages), default=0.0)
        for name, value, unit in (
            ("ApproximateNumberOfMessagesVisible", len(waiting), "Count"),
            ("ApproximateAgeOfOldestMessage", int(age), "Seconds"),
        ):
            cloudwatch.record_metric("AWS/SQS", name, value, unit, dimensions)
