"""What AWS lists of the fleet: instances by Auto Scaling, hosts by EC2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Grouped:
    """What Auto Scaling lists in a group: every instance, and those InService."""

    instances: frozenset[str] = frozenset()
    serving: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Host:
    """What EC2 lists of an instance. A terminated one is listed for about an hour, then not at all."""

    alive: bool
    launched_at: datetime
