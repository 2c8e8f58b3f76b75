"""The four key figures, from records of deployments."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from nightshift.decisions.dora import Figures, figures
from nightshift.deployment import Deployment
from tests.unit.facts import NOW, at

HOUR = 3_600


def deployment(name: str, began: float, **changes: Any) -> Deployment:
    """One that reached a node and took ten minutes, begun ``began`` seconds after NOW."""
    facts = {
        "deployment_id": name,
        "app": "web",
        "group": "web-prod",
        "commit": name,
        "state": "Succeeded",
        "nodes": {"i-1": {"step_id": "s", "started_at": at(began)}},
        "created_at": at(began),
        "closed_at": at(began + 600),
    }
    return Deployment.model_validate({**facts, **changes})


def measured(*deployments: Deployment, days: int = 10) -> Figures:
    """The last days; every commit was made an hour before NOW's day."""
    committed = {one.commit: at(-5 * HOUR) for one in deployments}
    return figures(deployments, committed, NOW - timedelta(days=days), NOW)


def test_what_lasted_is_counted_by_the_day_with_its_lead_time() -> None:
    """From the commit to the end of its deployment, the median."""
    found = measured(deployment("a", -4 * HOUR), deployment("b", -2 * HOUR))
    assert (found.deployments, found.failed, found.per_day, found.failure_rate) == (2, 0, 0.2, 0.0)
    assert (found.lead_seconds, found.restore_seconds) == (2 * HOUR + 600, None)


def test_what_was_undone_is_a_failure_also_when_it_looked_good_at_first() -> None:
    """Restored when the rollback was over; the rollback itself is no deployment of a change."""
    late = deployment("a", -4 * HOUR)
    undo = deployment("u", -3 * HOUR, kind="rollback", undoes="a")
    found = measured(late, undo, deployment("b", -2 * HOUR))
    assert (found.deployments, found.failed, found.failure_rate) == (2, 1, 50.0)
    assert found.restore_seconds == HOUR + 600


def test_what_is_still_broken_has_no_time_to_restore() -> None:
    """Nor does a rollback that failed give it one."""
    failed = deployment("a", -4 * HOUR, state="Failed")
    undo = deployment("u", -3 * HOUR, kind="rollback", undoes="a", state="Failed")
    assert measured(failed, undo).restore_seconds is None


def test_what_touched_no_node_or_is_too_old_or_not_over_is_not_counted() -> None:
    """Nothing at all gives no rate, and no division by zero."""
    untouched = deployment("a", -HOUR, nodes={}, state="Stopped")
    running = deployment("b", -HOUR, state="InProgress", closed_at=None)
    found = measured(untouched, running, deployment("c", -11 * 24 * HOUR))
    assert found == Figures(0, 0, 0.0, None, None, None)
