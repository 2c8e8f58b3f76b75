"""Waits until the whole local fleet serves: every node welcomed, installed and healthy."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from tools.local import daemons
from tools.local.seed import GROUPS, NODES_PER_GROUP

PATIENCE_SECONDS = 120.0


class NotServing(Exception):
    """Some nodes do not serve in time; the message says which and what they lack."""


def wait_serving(dynamodb: Any, nodes_table: str, fleet: str, progress: Callable[[str], None]) -> None:
    """Poll until all nodes serve; ``progress`` hears each time that one more does. Raises NotServing."""
    wanted = len(GROUPS) * NODES_PER_GROUP
    deadline = time.monotonic() + PATIENCE_SECONDS
    before = 0
    while time.monotonic() < deadline:
        lacking = _lacking(dynamodb, nodes_table, fleet)
        serving = sum(1 for lack in lacking.values() if not lack)
        if serving != before:
            progress(f"{serving} of {wanted} nodes serve")
            before = serving
        if serving == wanted:
            return
        time.sleep(0.2)
    detail = "; ".join(f"{name}: {lack}" for name, lack in sorted(lacking.items()) if lack)
    raise NotServing(
        f"{before} of {wanted} nodes serve after {PATIENCE_SECONDS:.0f} s ({detail or 'no node booted'})"
    )


def _lacking(dynamodb: Any, nodes_table: str, fleet: str) -> dict[str, str]:
    """What each node still lacks, by name; empty text for one that serves."""
    with urllib.request.urlopen(f"{fleet}/fleet/nodes", timeout=5) as answer:
        nodes = json.load(answer)
    scanned = dynamodb.scan(TableName=nodes_table, ConsistentRead=True)["Items"]
    inventory = {item["node_id"]["S"]: item["state"]["S"] for item in scanned}
    return {node["name"]: _lack(node, inventory.get(node["id"], "")) for node in nodes}


def _lack(node: dict[str, Any], state: str) -> str:
    if not state:
        return "not in the inventory yet"
    if not node["release"]:
        return "no release installed"
    if not daemons.answers(f"{node['url']}/health"):
        return "its service does not answer"
    return "" if state == "in_service" else f"its state is {state}"
