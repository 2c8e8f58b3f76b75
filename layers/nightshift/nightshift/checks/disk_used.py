"""How full the fullest file system is, as df counts it: what is kept for root is not free.

Look for rotated logs and core files (the remedy clean_disk removes them), then for what grows."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "Disk", "%", "Percent"
ABOVE = Decimal(90)


def measure(sample: ProbeSample) -> Decimal | None:
    """The share in percent of the fullest file system."""
    return max((disk.used for disk in sample.disks), default=None)
