"""How much memory is neither free nor can be given back by caches.

Near 100 the kernel kills processes. See the row's processes for who holds it."""

from __future__ import annotations

from decimal import Decimal

from nightshift.probe import ProbeSample

TITLE, UNIT, METRIC_UNIT = "Memory", "%", "Percent"
ABOVE = Decimal(95)


def measure(sample: ProbeSample) -> Decimal | None:
    """The share in percent that is not available."""
    return 100 * (1 - Decimal(sample.memory.available_kib) / sample.memory.total_kib)
