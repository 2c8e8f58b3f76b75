"""The report of a pass: what each node's line says, what is new, and what the next pass compares with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from nightshift import clock, probe
from nightshift.decisions import drift
from nightshift.decisions.inspecting import judge
from nightshift.inspection_report import Report, ReportRow, Shown
from nightshift.passes import Pass, Row
from nightshift.policy import Policy

KEPT = 24  # values per node and check: two hours of passes every five minutes


def build(
    current: Pass, rows: Iterable[Row], policy: Policy, before: Mapping[str, Any], now: datetime
) -> Report:
    """Make the report of ``current``; ``before`` is the baseline that an earlier pass left, or empty."""
    known: dict[str, Any] = before.get("nodes", {})
    made = [_row(row, known.get(row.node_id), policy, first=not known) for row in rows]
    groups: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for one in made:
        if one.facts:
            groups[one.group][one.node_id] = one.facts
    odd = drift.apart(groups)
    made = [one.model_copy(update={"drift": (*one.drift, *odd.get(one.node_id, ()))}) for one in made]
    here = {one.node_id for one in made}
    gone = (
        [node["name"] for node_id, node in known.items() if node_id not in here] if not current.group else []
    )
    # What a person must see stands first: ill, then silent, then changed, then the rest by name.
    made.sort(key=lambda one: (not one.ill, not one.reason, not (one.drift or one.news), one.group, one.name))
    return Report(
        pass_id=current.pass_id,
        by=current.by,
        group=current.group,
        started_at=current.started_at,
        reported_at=clock.iso(now),
        compared_with=str(before.get("pass_id", "")),
        nodes=len(made),
        answered=sum(1 for one in made if not one.reason),
        findings=sum(len(one.ill) for one in made),
        drift=sum(1 for one in made if one.drift),
        gone=tuple(sorted(gone)),
        rows=tuple(made),
    )


def _row(row: Row, known: Mapping[str, Any] | None, policy: Policy, *, first: bool) -> ReportRow:
    named = {"node_id": row.node_id, "name": row.name, "group": row.group}
    old = known or {}
    if row.reason:
        news = ("it does not answer any more",) if known and not old.get("reason") else ()
        return ReportRow(**named, reason=row.reason, news=news, facts={})
    sample = probe.parse(row.line)
    readings = {}
    for one in judge(sample, policy):
        history = (*old.get("history", {}).get(one.check, ()), float(one.value))[-KEPT:]
        readings[one.check] = Shown(value=float(one.value), ill=one.ill, reason=one.reason, history=history)
    facts = sample.facts.named()
    return ReportRow(
        **named,
        readings=readings,
        facts=facts,
        uptime_seconds=int(sample.uptime),
        top=tuple(f"{one.name} {one.cpu}% {int(one.rss_kib) // 1024} MiB" for one in sample.top),
        news=() if first else _news(known, [name for name, shown in readings.items() if shown.ill]),
        drift=drift.changed(old.get("facts", {}), facts),
    )


def _news(old: Mapping[str, Any] | None, ill: list[str]) -> tuple[str, ...]:
    if old is None:
        return ("it is new",)
    before = old.get("ill", [])
    return (
        *(["it answers again"] if old.get("reason") else []),
        *(f"{name} is too high now" for name in ill if name not in before),
        *(f"{name} is well again" for name in before if name not in ill),
    )


def baseline(report: Report, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the next pass compares with; a silent node keeps what was last known of it."""
    known: dict[str, Any] = before.get("nodes", {})
    nodes = {}
    for row in report.rows:
        old = known.get(row.node_id, {})
        nodes[row.node_id] = {
            "name": row.name,
            "reason": row.reason,
            "facts": row.facts or old.get("facts", {}),
            "ill": list(row.ill) if row.readings else old.get("ill", []),
            "history": {name: shown.history for name, shown in row.readings.items()}
            or old.get("history", {}),
        }
    return {"pass_id": report.pass_id, "at": report.started_at, "nodes": nodes}
