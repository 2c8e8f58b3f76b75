"""What an incident or deployment used, estimated from its journal alone, and the list prices.

Each entry stands for states that were entered and functions that ran (``HEAL``, ``DEPLOY``, read off the
state machines; a drained node's few states are not known to the journal). What repeats without an entry is
worked out: waits that asked again, by the time between entries and the first wait; looks of a verification,
by following its recorded samples; polls of a deployment, by its poll time. That is on the high side, by a
quarter at most in the tests. Assumed: ``MILLISECONDS`` of ``MEMORY_MB`` for each invocation, and ``BESIDE``
write units besides the journal's own. Not counted: what runs whether or not anything happens (schedules,
sweeps, inspections, alarms, storage, logs).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from nightshift import clock
from nightshift.decisions import recorded
from nightshift.decisions.cost import Prices, Usage, total
from tools.cli.following import looks
from tools.cli.history import Chain
from tools.cli.replaying import decisions

PRICES = Path(__file__).with_name("prices.json")
MEMORY_MB, MILLISECONDS = 512, 250
BESIDE = 6  # the state's item of up to 2 KiB, twice as any transaction, and one more
POLL_SECONDS = 5

Visit = tuple[int, int, int]  # states entered, functions invoked, events published

#: By an entry's kind and verdict; a kind alone stands for every other verdict.
HEAL: dict[str, Visit] = {
    "opened": (0, 2, 2),
    "joined": (0, 2, 1),
    "cleared": (0, 2, 1),
    "admission": (2, 1, 0),
    "admission wait": (3, 1, 0),
    "admission delegate": (4, 2, 0),
    "approval": (0, 1, 0),
    "approval requested": (1, 1, 0),
    "diagnostics": (1, 2, 0),
    "intent": (1, 1, 0),
    "result": (1, 1, 1),
    "succeeded": (0, 1, 0),
    "verification": (2, 1, 0),
    "page": (1, 1, 0),
    "closed": (3, 1, 1),
}
DEPLOY: dict[str, Visit] = {
    "opened": (0, 2, 1),
    "gates": (3, 1, 0),
    "plan": (2, 1, 1),
    "rollout": (2, 1, 0),
    "rollout wait": (3, 1, 0),
    "rollout bake": (3, 1, 0),
    "rollout next_batch": (5, 2, 0),
    "result": (0, 1, 0),
    "closed": (2, 1, 1),
}
AGAIN: Visit = (3, 1, 0)  # a wait that asks again, a look that is undecided, a poll


@dataclass(frozen=True)
class Counted:
    """What one chain used, when it began, and whether anything of it could not be followed."""

    chain: str
    began: str
    usage: Usage


def prices() -> Prices:
    """The list prices, and the day they are of."""
    read = json.loads(PRICES.read_text())
    figures = {name: Decimal(value) for name, value in read["usd"].items()}
    return Prices(as_of=read["as_of"], instance=read["instance"], **figures)


def count(chain: Chain, given: Callable[[str], str | None]) -> Counted:
    """What a chain used."""
    contents: Any = [entry.content for entry in chain.entries]
    table = DEPLOY if chain.name.startswith("dep-") else HEAL
    used = [_visit(table, one) for one in contents]
    used += [_again(one, following, chain.name) for one, following in pairwise(contents)]
    for entry in chain.entries:
        used.append(Usage(writes=2 * -(-len(entry.text.encode()) // 1024) + BESIDE))
        used += [_decided(one.name, one.given) for one in decisions(entry, given)]
        used.append(Usage(objects=entry.text.count('"given_sha256":')))
    used.append(Usage(instance_seconds=_replacing(contents)))
    return Counted(chain.name, contents[0]["at"], total(used))


def _usage(visit: Visit, times: int = 1) -> Usage:
    transitions, invocations, events = (times * one for one in visit)
    milliseconds = invocations * MILLISECONDS * MEMORY_MB // 1024
    return Usage(transitions, invocations, milliseconds, events)


def _visit(table: Mapping[str, Visit], content: Mapping[str, Any]) -> Usage:
    kind, verdict = content["kind"], content["verdict"]
    return _usage(table.get(f"{kind} {verdict}", table.get(kind, (0, 0, 0))))


def _again(content: Mapping[str, Any], following: Mapping[str, Any], chain: str) -> Usage:
    """Asking again between two entries: first at the time that was said, then as often as that is."""
    waits = content["kind"] in ("admission", "gates", "rollout") and content["verdict"] in ("wait", "bake")
    if not waits:
        return Usage()
    at, then = clock.parse(content["at"]), clock.parse(following["at"])
    until = content["inputs"].get("until")
    if content["kind"] == "admission" and until:
        every, begin = (clock.parse(until) - at).total_seconds(), clock.parse(until)
    else:
        every, begin = float(_poll(content)), at
    times = max(0, round((then - begin).total_seconds() / max(1.0, every)) - chain.startswith("dep-"))
    return _usage(AGAIN, times) + Usage(metric_reads=times)


def _poll(content: Mapping[str, Any]) -> int:
    for one in content.get("decisions", []):
        strategy = one.get("given", {}).get("strategy", {})
        return int(strategy.get("poll_seconds", POLL_SECONDS))
    return POLL_SECONDS


def _decided(name: str, text: str | None) -> Usage:
    """The metrics that a decision asked for, and the looks before a verification."""
    if name not in ("admission", "verification") or text is None:
        return Usage()
    metrics = len(json.loads(text)["symptoms"])
    if name == "admission":
        return Usage(metric_reads=metrics)
    try:
        times = looks(recorded.given(name, text)) - 1
    except ValueError:  # other code wrote it: its looks cannot be followed
        times = 0
    return _usage(AGAIN, times) + Usage(metric_reads=metrics * (times + 1))


def _replacing(contents: list[Mapping[str, Any]]) -> int:
    """Seconds from the order to replace a node to its successor's verification: paid for, not serving."""
    seconds, began = 0.0, None
    for one in contents:
        if one["kind"] == "intent" and "replace_node" in str(one["reason"]):
            began = clock.parse(one["at"])
        elif began and one["kind"] in ("verification", "closed"):
            seconds += (clock.parse(one["at"]) - began).total_seconds()
            began = None
    return round(seconds)
