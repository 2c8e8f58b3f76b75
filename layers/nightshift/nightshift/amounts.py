"""Kinds of values that a policy is made of; and the one place that rounds a share to nodes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
# A number of nodes, or a share of the group's desired capacity.
Amount = Annotated[int, Field(ge=0, le=100_000)] | Annotated[str, Field(pattern=r"^(\d|[1-9]\d|100)%$")]


def at_most(amount: Amount, desired: int) -> int:
    """A maximum as nodes: a share of the desired capacity rounds down."""
    return amount if isinstance(amount, int) else _percent(amount) * desired // 100


def at_least(amount: Amount, desired: int) -> int:
    """A minimum as nodes: a share of the desired capacity rounds up."""
    return amount if isinstance(amount, int) else -(-_percent(amount) * desired // 100)


def _percent(share: str) -> int:
    return int(share.removesuffix("%"))
