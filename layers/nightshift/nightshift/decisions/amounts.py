"""How many nodes a limit means in a group of a given size; the one place that rounds."""

from __future__ import annotations

from nightshift.amounts import Amount


def at_most(amount: Amount, desired: int) -> int:
    """A maximum as nodes: a share of the desired capacity rounds down."""
    return amount if isinstance(amount, int) else _percent(amount) * desired // 100


def at_least(amount: Amount, desired: int) -> int:
    """A minimum as nodes: a share of the desired capacity rounds up."""
    return amount if isinstance(amount, int) else -(-_percent(amount) * desired // 100)


def _percent(share: str) -> int:
    return int(share.removesuffix("%"))
