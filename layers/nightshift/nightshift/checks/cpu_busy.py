"""How busy all cores were over the probe's second; idle and waiting for a disk are not busy.

One look says little: a build or a cron job may be at work. See the row's processes, then its history."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "CPU", "%", "Percent"
ABOVE = Decimal(95)


def measure(sample: ProbeSample) -> Decimal | None:
    """The busy share in percent."""
    return sample.cpu
