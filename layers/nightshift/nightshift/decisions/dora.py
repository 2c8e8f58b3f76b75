"""The four key figures of software delivery, from the deployments' own records.

As DORA defines them (https://dora.dev/guides/dora-metrics-four-keys/): deployment frequency, how often a
release reaches production; lead time for changes, from its commit to then; change failure rate, the share
of deployments that had to be undone; time to restore, from a failed deployment's beginning to the end of what
undid it. A rollback is no deployment of a change; one that found nothing to do, or was stopped before it
touched a node, is none either. A release that was good at first and taken back later counts as failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from nightshift import clock
from nightshift.deployment import Deployment

DAY = 86_400  # seconds


@dataclass(frozen=True)
class Figures:
    """Times in seconds, medians; None where there is nothing to take one of. ``failure_rate`` in percent."""

    deployments: int
    failed: int
    per_day: float
    failure_rate: float | None
    lead_seconds: int | None
    restore_seconds: int | None


def figures(
    deployments: Iterable[Deployment], committed_at: Mapping[str, str], begin: datetime, end: datetime
) -> Figures:
    """The figures of what was begun from ``begin`` on; ``committed_at`` is by commit."""
    begun = [one for one in deployments if clock.iso(begin) <= one.created_at < clock.iso(end)]
    undoing = {one.undoes: one for one in begun if one.undoes}
    changes = [one for one in begun if one.kind in ("push", "manual") and one.is_over and one.nodes]
    failed = [one for one in changes if one.state != "Succeeded" or one.deployment_id in undoing]
    lasting = [one for one in changes if one not in failed]
    days = max((end - begin).total_seconds() / DAY, 1 / DAY)
    return Figures(
        deployments=len(changes),
        failed=len(failed),
        per_day=round((len(changes) - len(failed)) / days, 3),
        failure_rate=round(100 * len(failed) / len(changes), 1) if changes else None,
        lead_seconds=_median(_between(committed_at.get(one.commit), one.closed_at) for one in lasting),
        restore_seconds=_median(_restored(one, undoing) for one in failed),
    )


def _restored(failed: Deployment, undoing: Mapping[str, Deployment]) -> int | None:
    undo = undoing.get(failed.deployment_id)
    if undo is None or undo.state != "Succeeded":
        return None
    return _between(failed.created_at, undo.closed_at)


def _between(begin: str | None, end: str | None) -> int | None:
    if not begin or not end:
        return None
    return round((clock.parse(end) - clock.parse(begin)).total_seconds())


def _median(seconds: Iterable[int | None]) -> int | None:
    known = [one for one in seconds if one is not None]
    return round(median(known)) if known else None
