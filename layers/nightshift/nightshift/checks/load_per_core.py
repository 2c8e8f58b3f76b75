"""How many processes per core ran or waited, over five minutes.

High with an idle CPU means that they wait for a disk or a network file system."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "Load/core", "", "None"
ABOVE = Decimal(8)


def measure(sample: ProbeSample) -> Decimal | None:
    """The load average of five minutes divided by the cores."""
    return sample.load[1] / sample.cores
