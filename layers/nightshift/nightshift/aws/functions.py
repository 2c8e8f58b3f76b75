"""Lambda: hand another function an event that it should have got."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nightshift.aws.session import client


def hand(function: str, event: Mapping[str, object]) -> None:
    """Invoke ``function`` asynchronously: its own retries and dead-letter queue apply."""
    client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())
