"""What the demo used, counted from the stack's own records, and what that would cost at list prices."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from nightshift.decisions.cost import Usage, estimate
from tools.cli.costing import MEMORY_MB, prices
from tools.local.demo.world import World


@dataclass(frozen=True)
class Bill:
    """Calls by AWS action, and the estimated cost of one incident in US dollars."""

    calls: Counter[str]
    cost_per_incident: Decimal
    prices_as_of: str


def make(world: World, calls_file: Path) -> Bill:
    """Count the calls that functions made and the machine's transitions; the average over all incidents."""
    calls: Counter[str] = Counter()
    if calls_file.exists():
        for one in map(json.loads, calls_file.read_text().splitlines()):
            calls[f"{one['service']}:{one['action']}"] += 1
    listed = prices()
    transitions, states = _machine(world)
    usage = Usage(
        transitions=transitions,
        invocations=states["invocations"],
        gb_milliseconds=states["milliseconds"] * MEMORY_MB // 1024,
        events=sum(count for call, count in calls.items() if call.endswith(":PutEvents")),
        writes=sum(count * 2 for call, count in calls.items() if call.endswith(":TransactWriteItems")),
    )
    incidents = max(1, len(world.incidents))
    return Bill(calls, estimate(usage, listed) / incidents, listed.as_of)


def _machine(world: World) -> tuple[int, dict[str, int]]:
    """State transitions of every execution, and what the functions behind its tasks took."""
    states, machine = world.connection.client("stepfunctions"), world.connection.output("HealStateMachineArn")
    transitions, used = 0, {"invocations": 0, "milliseconds": 0}
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
        for execution in page["executions"]:
            history = states.get_paginator("get_execution_history").paginate(
                executionArn=execution["executionArn"]
            )
            events = [event for part in history for event in part["events"]]
            transitions += sum(event["type"].endswith("StateEntered") for event in events)
            _add_tasks(events, used)
    return transitions, used


def _add_tasks(events: list[dict[str, Any]], used: dict[str, int]) -> None:
    """A task that waits for a token is counted at a second: the function itself ends at once."""
    for scheduled, ended in pairwise(events):
        if scheduled["type"] != "TaskScheduled":
            continue
        waits = "waitForTaskToken" in scheduled["taskScheduledEventDetails"].get("resource", "")
        took = (ended["timestamp"] - scheduled["timestamp"]).total_seconds() * 1000
        used["invocations"] += 1
        used["milliseconds"] += 1000 if waits else int(took)
