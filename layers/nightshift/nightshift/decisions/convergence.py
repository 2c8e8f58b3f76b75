"""Which node of a group is brought to the group's release next, when it runs something else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.amounts import at_least
from nightshift.fleet import GroupState, Node
from nightshift.ports import Units
from nightshift.strategy import Strategy

ATTEMPTS = 3  # for one node and one release; the last one that fails is told to a person


@dataclass(frozen=True)
class Convergence:
    """The node that is brought to the group's release now; none, and why nobody is."""

    reason: str
    node: Node | None = None


def next_one(
    group: GroupState,
    drifted: Sequence[Node],
    failures: Mapping[str, int],
    units: Units,
    strategy: Strategy,
    now: datetime,
    *,
    condemned: bool,
    paused: bool,
) -> Convergence:
    """One node at a time, while nothing else is done in the group; a node that is ill comes first.

    ``failures`` is how often it was tried in vain for this release, by node; ``condemned`` says that the
    release failed in the group since it was deployed.
    """
    busy = [lease.incident_id for lease in group.leases.values() if lease.expires_at > clock.iso(now)]
    if condemned:
        return Convergence("that release failed in the group since: nothing is brought to it")
    if paused or group.storm or group.deploying or busy:
        held = group.deploying or ", ".join(sorted(set(busy))) or ("a storm" if group.storm else "a pause")
        return Convergence(f"{held} comes first")
    left = [one for one in drifted if failures[one.node_id] < ATTEMPTS and one.node_id not in group.troubled]
    if not left:
        return Convergence(f"each was tried {ATTEMPTS} times, or has an incident: it needs a person")
    healthy = units.of("healthy")
    node = min(left, key=lambda one: (one.node_id in healthy, one.name, one.node_id))
    least = at_least(strategy.min_healthy, units.desired)
    others = len(healthy - {node.node_id})
    if node.node_id in healthy and others < least:
        return Convergence(f"{others} healthy nodes would be left, min_healthy is {least}")
    number = failures[node.node_id] + 1
    return Convergence(f"{node.name} is brought to it, attempt {number} of {ATTEMPTS}", node)
