"""SQS: queue an event for a function that takes its work from a queue."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nightshift.aws.session import client


def send(url: str, event: Mapping[str, object]) -> None:
    """Queue ``event``: the queue's own retries and dead-letter queue apply."""
    client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(event))
