"""Drift: a node that is no longer what it was, or not what the rest of its group is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

LEAST = 3  # nodes of a group that must have answered before most of them mean anything

Facts = Mapping[str, str]


def changed(before: Facts, now: Facts) -> tuple[str, ...]:
    """What is other than in the pass before; a fact that was or is not told is no change."""
    return tuple(
        f"{name} was {before[name]}, is {value}"
        for name, value in sorted(now.items())
        if name in before and before[name] != value
    )


def apart(groups: Mapping[str, Mapping[str, Facts]]) -> dict[str, tuple[str, ...]]:
    """For each node of each group, what it has that more than half of its group has otherwise."""
    found: dict[str, tuple[str, ...]] = {}
    for nodes in groups.values():
        usual = _usual(nodes)
        for node_id, facts in nodes.items():
            odd = tuple(
                f"{name} is {facts[name]}, {usual[name][1]} of {len(nodes)} have {usual[name][0]}"
                for name in sorted(facts)
                if name in usual and facts[name] != usual[name][0]
            )
            if odd:
                found[node_id] = odd
    return found


def _usual(nodes: Mapping[str, Facts]) -> dict[str, tuple[str, int]]:
    if len(nodes) < LEAST:
        return {}
    usual = {}
    for name in {name for facts in nodes.values() for name in facts}:
        ((value, count),) = Counter(facts[name] for facts in nodes.values() if name in facts).most_common(1)
        if 2 * count > len(nodes):
            usual[name] = (value, count)
    return usual
