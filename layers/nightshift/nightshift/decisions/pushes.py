"""From pushed lines to rows and findings: what can be read, when it was measured, and what it changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightshift import clock, probe
from nightshift.decisions import findings, inspecting
from nightshift.errors import Refused
from nightshift.events import Finding
from nightshift.fleet import Node
from nightshift.passes import Standing
from nightshift.policy import Policy
from nightshift.probe import ProbeSample
from nightshift.pushing import Package

#: A spool may be this old; what is older says nothing of the node any more.
OLDEST = timedelta(hours=2)
AHEAD = timedelta(seconds=5)  # a line cannot have been measured after it was sent


@dataclass(frozen=True)
class Arrived:
    """One pushed line. ``at`` is the node's clock, ``seen_at`` the same moment by ours.

    Node and ``at`` name the sample, however often it comes. ``reason`` says why it counts for nothing.
    """

    node_id: str
    at: str
    seen_at: datetime
    line: str
    group: str = ""
    replaces: str = ""
    sample: ProbeSample | None = None
    reason: str = ""

    def row(self) -> dict[str, str]:
        """As it is kept."""
        told = {
            "node_id": self.node_id,
            "group": self.group,
            "at": self.at,
            "seen_at": clock.iso(self.seen_at),
        }
        return {**told, **({"reason": self.reason} if self.reason else {}), "line": self.line}


def read(packages: Sequence[Package], nodes: Mapping[str, Node]) -> tuple[Arrived, ...]:
    """Every line of every package, each sample once, in the order in which each node measured."""
    found: dict[tuple[str, str], Arrived] = {}
    for package in packages:
        for number, line in enumerate(package.lines):
            one = _read(package, line, nodes.get(package.node_id))
            # What has no time of its own is named after where it stood.
            found.setdefault((one.node_id, one.at or f"{package.message_id}/{number}"), one)
    return tuple(sorted(found.values(), key=lambda one: (one.node_id, one.at)))


def _read(package: Package, line: str, node: Node | None) -> Arrived:
    received = clock.parse(package.received_at)
    try:
        sample = probe.parse(line)
        age = clock.parse(package.sent_at) - clock.parse(sample.at)
    except Refused as refused:
        return Arrived(package.node_id, "", received, line, reason=refused.message)
    # The node's clock may be wrong; how much time passed between its two readings is not.
    seen_at = received - max(age, timedelta())
    reason = ""
    if node is None or node.state == "terminated":
        reason = "the inventory knows no such node"
    elif age < -AHEAD:
        reason = "it was measured after it was sent"
    elif age > OLDEST:
        reason = f"it is older than {OLDEST}"
    group, replaces = (node.group, node.replaces or "") if node else ("", "")
    at = clock.iso(clock.parse(sample.at))
    return Arrived(package.node_id, at, seen_at, line, group, replaces, None if reason else sample, reason)


@dataclass(frozen=True)
class News:
    """What stands about nodes from now on, only where it changed, and the newest word on each finding."""

    standing: Mapping[str, Mapping[str, Standing]]
    raised: tuple[Finding, ...]
    cleared: tuple[Finding, ...]


def judge(arrived: Sequence[Arrived], standing: Mapping[str, Mapping[str, Standing]], policy: Policy) -> News:
    """Go through the samples in their order, as passes do one by one."""
    now_stands, said = dict(standing), dict[tuple[str, str], tuple[bool, Finding]]()
    for one in arrived:
        seen = inspecting.seen(inspecting.judge(one.sample, policy)) if one.sample else {}
        before, inherited = now_stands.get(one.node_id, {}), standing.get(one.replaces, {})
        change = findings.update(one.node_id, seen, before, inherited, clock.iso(one.seen_at), pushed=one.at)
        now_stands[one.node_id] = change.standing
        for stands, found in ((True, change.raised), (False, change.cleared)):
            said |= {(finding.subject, finding.symptom): (stands, finding) for finding in found}
    return News(
        {node: stands for node, stands in now_stands.items() if stands != standing.get(node, {})},
        tuple(finding for stands, finding in said.values() if stands),
        tuple(finding for stands, finding in said.values() if not stands),
    )
