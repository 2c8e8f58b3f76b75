"""Which rung of the ladder comes next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """A place on the ladder: ``level`` counts from 1."""

    level: int
    remedy: str


def next_rung(ladder: Sequence[str], tried: Iterable[str]) -> Rung | None:
    """The mildest remedy of ``ladder`` that was not tried in this incident; None when all were."""
    done = set(tried)
    return next(
        (Rung(level, remedy) for level, remedy in enumerate(ladder, start=1) if remedy not in done), None
    )
