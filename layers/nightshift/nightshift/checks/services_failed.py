"""How many services have failed: systemd's failed units, or the node's own service that is not there.

See their logs: journalctl -u NAME."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "Failed", "", "Count"
ABOVE = Decimal(0)


def measure(sample: ProbeSample) -> Decimal | None:
    """How many services the probe named as failed."""
    return Decimal(len(sample.failed))
