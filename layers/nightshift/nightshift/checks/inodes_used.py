"""How many of a file system's inodes are used, on the one that has the fewest left.

A disk with free space and no free inode is full as well: look for folders with very many small files."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "Inodes", "%", "Percent"
ABOVE = Decimal(90)


def measure(sample: ProbeSample) -> Decimal | None:
    """The share in percent of the file system with the fewest left."""
    return max((disk.inodes for disk in sample.disks if disk.inodes is not None), default=None)
