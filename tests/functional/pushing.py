"""A node that pushes: requests as it signs them, and the queue between the two functions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from nightshift import clock, pushing
from tests.functional.inspecting import printed
from tests.functional.world import World
from tests.samples import sample

MASTER = "signs links in tests"  # the one text that the world's Secrets Manager knows


def line(world: World, seconds_ago: int = 0, **changes: Any) -> str:
    """What the probe prints now, or printed a while ago."""
    assert world.time
    return printed(at=clock.iso(clock.now() - timedelta(seconds=seconds_ago)), **changes)


def request(node_id: str, lines: Sequence[str], message_id: str = "") -> dict[str, Any]:
    """A request as API Gateway hands it on, signed now."""
    body, timestamp = "".join(f"{one}\n" for one in lines), str(int(clock.now().timestamp()))
    name = message_id or f"p-{uuid.uuid4()}"
    key = pushing.node_key(MASTER, node_id)
    event = sample("http/samples")
    event["body"] = body
    event["headers"] |= {
        "nightshift-node": node_id,
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": pushing.signature(key, name, timestamp, body.encode()),
    }
    return event


def queued(world: World) -> dict[str, Any]:
    """What waits in the queue, as one batch for its reader."""
    records = [
        {"messageId": f"message-{number}", "body": json.dumps(body)}
        for number, (_, body) in enumerate(world.queued)
    ]
    world.queued.clear()
    return {"Records": records}


def push(world: World, node_id: str, *lines: str) -> dict[str, Any]:
    """A node's samples, through both functions."""
    answer = world.invoke("receive_samples", request(node_id, lines))
    assert answer["statusCode"] == 202, answer
    return world.invoke("ingest_metrics", queued(world))
