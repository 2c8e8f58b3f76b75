"""The checks: one file, one number of a node that inspection judges. The file's name is the check's name.

A check module declares

- its docstring, the runbook: what the number says, and what a person looks at when it is too high;
- ``TITLE`` and ``UNIT``, how it is written in reports; ``METRIC_UNIT``, CloudWatch's word for the unit;
- ``ABOVE``, the threshold unless the policy has another;
- ``measure(sample) -> Decimal | None``, the number; None where the node could not tell.
"""

from __future__ import annotations

import importlib
import pkgutil
from decimal import Decimal
from functools import cache
from typing import Protocol, cast

from nightshift.probe import ProbeSample


class Check(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    TITLE: str
    UNIT: str
    METRIC_UNIT: str
    ABOVE: Decimal

    def measure(self, sample: ProbeSample) -> Decimal | None:
        """The number that is judged."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every check there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def load(name: str) -> Check:
    """The check called ``name``, one of ``names()``."""
    return cast(Check, importlib.import_module(f"{__name__}.{name}"))
