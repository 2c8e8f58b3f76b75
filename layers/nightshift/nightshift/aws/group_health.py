"""How the nodes of one group are now, by samples of now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.aws import evidence
from nightshift.aws.inspections import Inspections
from nightshift.aws.nodes import Nodes
from nightshift.fleet import GroupState, Node
from nightshift.incident import Sample
from nightshift.policy import Policy

Health = Literal["healthy", "unhealthy", "unknown"]
Samples = Mapping[str, tuple[Sample, ...]]


@dataclass(frozen=True)
class Seen:
    """The group's nodes that are in service, and what their newest samples say by symptom."""

    nodes: tuple[Node, ...]
    healths: Mapping[str, Health]

    def health(self, node_id: str) -> Health:
        """How a node is; ``unknown`` for one that nobody heard of."""
        return self.healths.get(node_id, "unknown")

    def of(self, health: Health) -> frozenset[str]:
        """The nodes that are so."""
        return frozenset(node for node, one in self.healths.items() if one == health)


def look(
    nodes: Nodes,
    inspections: Inspections,
    policy: Policy,
    group: GroupState,
    in_service: frozenset[str],
    now: datetime,
) -> Seen:
    """Judge every node that both the inventory and Auto Scaling have in service."""
    known = tuple(
        node
        for node in sorted(nodes.listing(), key=lambda one: one.node_id)
        if node.group == group.group and node.state == "in_service" and node.node_id in in_service
    )
    since = now - clock.seconds(policy.healing_of(group.group).stale_seconds)
    healths = {
        node.node_id: _health(
            policy, evidence.samples(inspections, policy.symptoms, node.node_id, since, now)
        )
        for node in known
    }
    return Seen(known, healths)


def _health(policy: Policy, samples: Samples) -> Health:
    """Ill in its newest sample of any symptom; unknown when there is none of any."""
    newest = [(policy.symptoms[name], found[-1]) for name, found in samples.items() if found]
    if not newest:
        return "unknown"
    return "unhealthy" if any(symptom.breached_by(one.value) for symptom, one in newest) else "healthy"
