"""What an incident cost: list prices times what was counted. A sum of US dollars, as text in millionths."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars, with the day on which they were read."""

    as_of: str
    state_transition: Decimal
    lambda_request: Decimal
    lambda_gb_second: Decimal
    event: Decimal
    table_write: Decimal


@dataclass(frozen=True)
class Usage:
    """What one incident used."""

    transitions: int
    invocations: int
    gb_milliseconds: int
    events: int
    writes: int


def estimate(usage: Usage, prices: Prices) -> Decimal:
    """The list price of ``usage`` in US dollars; free tiers are not subtracted."""
    return (
        usage.transitions * prices.state_transition
        + usage.invocations * prices.lambda_request
        + Decimal(usage.gb_milliseconds) / 1000 * prices.lambda_gb_second
        + usage.events * prices.event
        + usage.writes * prices.table_write
    )
