"""How long each stage of a deployment took, by its own record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nightshift import clock
from nightshift.deployment import Deployment, Touched
from nightshift.events import Instant


@dataclass(frozen=True)
class Stage:
    """A stage that is over; ``seconds`` are whole ones."""

    name: str
    seconds: int


def of(deployment: Deployment) -> tuple[Stage, ...]:
    """Every stage that is over, in order: waiting, a person's word, then each batch.

    Waiting is for the turn and the gates, without the time that a person took. A batch that was touched is
    installed until its last document has ended, verified until its last node was judged, and baked until the
    next one begins or the deployment is over.
    """
    return tuple(_all(deployment))


def _all(deployment: Deployment) -> Iterator[Stage]:
    asked = deployment.approval
    decided = asked.decided_at if asked else None
    person = _between(asked.requested_at, decided) if asked and decided else 0
    begun = deployment.planned_at or deployment.closed_at
    if begun:
        yield Stage("waiting", max(0, _between(deployment.created_at, begun) - person))
    if decided:
        yield Stage("a person's word", person)
    batches = [_touched(deployment, batch) for batch in deployment.batches]
    for number, nodes in enumerate(filter(None, batches), start=1):
        following = batches[number] if number < len(batches) else []
        until = _first(one.started_at for one in following) or deployment.closed_at
        yield from _of_batch(f"batch {number}", nodes, until)


def _of_batch(name: str, nodes: list[Touched], until: Instant | None) -> Iterator[Stage]:
    began = min(one.started_at for one in nodes)
    installed = _last(one.acted_at for one in nodes)
    verified = _last(one.ended_at for one in nodes)
    for stage, start, end in (
        ("installed", began, installed),
        ("verified", installed, verified),
        ("baked", verified, until),
    ):
        if start and end:
            yield Stage(f"{name} {stage}", max(0, _between(start, end)))


def _touched(deployment: Deployment, batch: Iterable[str]) -> list[Touched]:
    return [deployment.nodes[node] for node in batch if node in deployment.nodes]


def _first(moments: Iterable[Instant]) -> Instant | None:
    return min(moments, default=None)


def _last(moments: Iterable[Instant | None]) -> Instant | None:
    """The last of all; None when one is missing."""
    found = list(moments)
    return None if None in found else max(filter(None, found), default=None)


def _between(start: Instant, end: Instant) -> int:
    return int((clock.parse(end) - clock.parse(start)).total_seconds())
