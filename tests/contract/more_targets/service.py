"""A service that replaces its own tasks: one unit, whatever runs in it. For the tests of the port only.

By hand: tell the service which version to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from nightshift import clock
from nightshift.aws.stores import Stores
from nightshift.fleet import GroupState
from nightshift.incident import Sample
from nightshift.policy import Policy
from nightshift.ports import Order, Target, Unit, Units

PERMISSIONS: Mapping[str, tuple[str, ...]] = {}
RUNS: dict[str, str] = {}
BAD: set[str] = set()


@dataclass(frozen=True)
class _Updated:
    succeeded: bool = True
    status: str = "Updated"
    output: str = ""


@dataclass(frozen=True)
class _Service:
    inventoried: bool = False

    def look(self, _policy: Policy, group: GroupState, _now: datetime) -> Units:
        version = RUNS.get(group.group, "1.0.0")
        return Units(1, (Unit(group.group, "unhealthy" if version in BAD else "healthy", version),))

    def bring(self, order: Order, _now: datetime) -> _Updated:
        RUNS[order.step.node_id] = order.release.version
        return _Updated()

    def samples(
        self, _policy: Policy, node_id: str, since: datetime, now: datetime
    ) -> Mapping[str, tuple[Sample, ...]]:
        seconds = range(int((now - since).total_seconds()))
        up = Decimal(RUNS[node_id] not in BAD)
        found = tuple(Sample(at=clock.iso(since + timedelta(seconds=one)), value=up) for one in seconds)
        return {"service_down": found}


def over(_stores: Stores) -> Target:
    """The service needs no table."""
    return _Service()
