"""Which node is brought to its group's release next, and what comes first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from nightshift import clock
from nightshift.decisions.convergence import ATTEMPTS, Convergence, next_one
from nightshift.fleet import GroupState, Lease, Node, Storm
from nightshift.ports import Unit, Units
from nightshift.strategy import Strategy

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
AT = clock.iso(NOW)
LEASED = {"other": Lease(incident_id="inc-1", fence=1, expires_at=clock.iso(NOW + clock.seconds(60)))}


def node(name: str) -> Node:
    """A node that runs something else."""
    return Node(node_id=name, name=name, app="web", group="g", auto_scaling_group="g", registered_at=AT)


def ask(
    *names: str,
    healths: dict[str, Any] | None = None,
    failures: dict[str, int] | None = None,
    condemned: bool = False,
    paused: bool = False,
    least: int = 0,
    **group: Any,
) -> Convergence:
    """The answer for a group in which these nodes have drifted."""
    units = tuple(Unit(name, health) for name, health in (healths or {}).items())
    return next_one(
        GroupState(group="g", **group),
        [node(name) for name in names],
        dict.fromkeys(names, 0) | (failures or {}),
        Units(3, units),
        Strategy(min_healthy=least),
        NOW,
        condemned=condemned,
        paused=paused,
    )


def test_a_node_that_is_ill_loses_nothing_and_comes_first() -> None:
    """Then by name; one at a time."""
    found = ask("a", "b", healths={"a": "healthy", "b": "unhealthy"})
    assert found.node is not None
    assert found.node.node_id == "b"


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ({"deploying": "dep-1"}, "dep-1 comes first"),
        ({"leases": LEASED}, "inc-1 comes first"),
        ({"storm": Storm(incident_id="inc-2", began_at=AT)}, "a storm comes first"),
        ({"paused": True}, "a pause comes first"),
        ({"condemned": True}, "failed in the group"),
        ({"failures": {"a": ATTEMPTS}}, "needs a person"),
        ({"troubled": {"a": "inc-3"}}, "needs a person"),
        ({"healths": {"a": "healthy", "c": "healthy"}, "least": 2}, "min_healthy is 2"),
    ],
)
def test_it_is_the_last_thing_that_is_done(held: dict[str, Any], why: str) -> None:
    """Each reason alone is enough."""
    assert ask("a").node is not None
    found = ask("a", **held)
    assert found.node is None
    assert why in found.reason
