"""What an incident cost: list prices times what was counted, in US dollars."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal

HOUR = 3_600


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars, with the day on which they were read, and which ``instance`` is meant."""

    as_of: str
    state_transition: Decimal
    lambda_request: Decimal
    lambda_gb_second: Decimal
    event: Decimal
    table_write: Decimal
    metric_read: Decimal
    object_write: Decimal
    instance_hour: Decimal
    instance: str = ""


@dataclass(frozen=True)
class Usage:
    """What was used: counts, but for ``gb_milliseconds`` of functions and ``instance_seconds`` of nodes.

    ``writes`` are write units of tables, ``metric_reads`` metrics that were asked for.
    """

    transitions: int = 0
    invocations: int = 0
    gb_milliseconds: int = 0
    events: int = 0
    writes: int = 0
    metric_reads: int = 0
    objects: int = 0
    instance_seconds: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Usage)))


def bill(usage: Usage, prices: Prices) -> dict[str, Decimal]:
    """The list price of each kind of ``usage`` in US dollars; free tiers are not subtracted."""
    return {
        "transitions": usage.transitions * prices.state_transition,
        "invocations": usage.invocations * prices.lambda_request,
        "gb_milliseconds": Decimal(usage.gb_milliseconds) / 1000 * prices.lambda_gb_second,
        "events": usage.events * prices.event,
        "writes": usage.writes * prices.table_write,
        "metric_reads": usage.metric_reads * prices.metric_read,
        "objects": usage.objects * prices.object_write,
        "instance_seconds": Decimal(usage.instance_seconds) / HOUR * prices.instance_hour,
    }


def estimate(usage: Usage, prices: Prices) -> Decimal:
    """The list price of all of ``usage``."""
    return sum(bill(usage, prices).values(), Decimal(0))


def total(usages: Iterable[Usage]) -> Usage:
    """All of them together."""
    return sum(usages, Usage())
