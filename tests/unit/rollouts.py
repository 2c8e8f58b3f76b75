"""Deployments and releases as tests write them down: what matters is said, the rest is well."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from nightshift import clock
from nightshift.decisions.rollout import Progress, Unit
from nightshift.releases import Built, Standing
from nightshift.strategy import Strategy
from tests.unit.facts import NOW

GROUP = "web-prod"


def strategy(**more: Any) -> Strategy:
    """One node after another, half of the group stays healthy."""
    return Strategy.model_validate(more)


def targets(count: int, **more: Any) -> list[Unit]:
    """Nodes n1, n2, … of one kind."""
    return [Unit(f"n{number}", **more) for number in range(1, count + 1)]


def progress(**more: Any) -> Progress:
    """Four healthy nodes in two batches, nothing touched yet, begun a minute ago."""
    facts: dict[str, Any] = {
        "now": NOW,
        "started_at": NOW - timedelta(seconds=60),
        "strategy": strategy(bake_seconds=10),
        "batches": (("n1",), ("n2", "n3", "n4")),
        "desired": 6,
        "healthy": frozenset({"n1", "n2", "n3", "n4", "n5", "n6"}),
    }
    return Progress(**(facts | more))


def release(version: str, state: str = "", at: int = 0, **more: Any) -> Built:
    """A release that has stood in ``GROUP`` since ``at`` seconds after now."""
    moment = clock.iso(NOW + timedelta(seconds=at))
    standings = {GROUP: Standing.model_validate({"state": state, "at": moment})} if state else {}
    facts: dict[str, Any] = {
        "version": version,
        "key": f"releases/web/{version}.tar.gz",
        "sha256": "0" * 64,
        "size": 100,
        "unpacked": 1_000,
        "files": 3,
        "app": "web",
        "commit": "a" * 40,
        "author": "Ada <ada@example.com>",
        "message": "Better",
        "committed_at": clock.iso(NOW),
        "created_at": clock.iso(NOW),
        "standings": standings,
    }
    return Built.model_validate(facts | more)
