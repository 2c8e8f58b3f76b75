"""From one pass to the next: which findings stand, since when, and which are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from nightshift import clock
from nightshift.events import Finding
from nightshift.incident import Sample
from nightshift.passes import Standing

KEPT = 20  # samples per node and symptom, of passes and of pushes each
# A value stands for a minute, as a data point of CloudWatch does; not until the next pass.
COVERS_SECONDS = 60
# For so long a symptom that is gone is still measured: whoever healed it wants to see that.
AFTERWARDS_SECONDS = 3_600


@dataclass(frozen=True)
class Seen:
    """What one check says about one symptom of one node in this pass."""

    symptom: str
    check: str
    value: Decimal
    ill: bool
    reason: str


@dataclass(frozen=True)
class Change:
    """What stands about a node after a pass; what is to be said, and what is gone."""

    standing: Mapping[str, Standing]
    raised: tuple[Finding, ...] = ()
    cleared: tuple[Finding, ...] = ()


def update(
    node_id: str,
    seen: Mapping[str, Seen],
    before: Mapping[str, Standing],
    inherited: Mapping[str, Standing],
    at: str,
    pushed: str = "",
) -> Change:
    """Bring what stood ``before`` together with what was ``seen`` in the pass that began ``at``.

    What was not looked at stays as it was: silence is not health. ``inherited`` stood about the node's
    predecessor: it is measured on the successor too, since a replacement is verified there. Only
    ``at`` is written as the time of a sample: the node's clock may be wrong, and no sample is older.

    ``pushed`` is when a sample that the node pushed was measured, by the node's clock: what came before, or
    comes again, says nothing. A pass that was overtaken by pushes adds its sample, and no more.
    """
    change = Change(dict(before))
    for symptom, one in seen.items():
        old = before.get(symptom) or _heir(inherited.get(symptom), at)
        if pushed and old and pushed <= old.pushed_at:
            continue
        if old and old.samples and old.samples[-1].at > at:
            late = old.model_copy(update={"samples": _samples(old, one, at, pushed)})
            change = replace(change, standing={**change.standing, symptom: late})
            continue
        judged = _ill if one.ill else _well
        change = judged(change, node_id, one, old, at, pushed)
    return change


def _heir(inherited: Standing | None, at: str) -> Standing | None:
    if inherited is None or not inherited.samples:
        return None
    recent = clock.iso(clock.parse(at) - clock.seconds(AFTERWARDS_SECONDS))
    if inherited.samples[-1].at < recent:
        return None
    return Standing(check=inherited.check, held_since=at, cleared_at=at)


def _ill(change: Change, node_id: str, one: Seen, old: Standing | None, at: str, pushed: str) -> Change:
    since = old.held_since if old and not old.cleared_at else at
    stands = Standing(
        check=one.check,
        held_since=since,
        samples=_samples(old, one, at, pushed),
        pushed_at=pushed or (old.pushed_at if old else ""),
    )
    finding = _finding(node_id, one, since, at)
    return replace(
        change, standing={**change.standing, one.symptom: stands}, raised=(*change.raised, finding)
    )


def _well(change: Change, node_id: str, one: Seen, old: Standing | None, at: str, pushed: str) -> Change:
    if old is None:
        return change
    forgotten = clock.iso(clock.parse(at) - clock.seconds(AFTERWARDS_SECONDS))
    if old.cleared_at and old.cleared_at < forgotten:
        kept = {name: stands for name, stands in change.standing.items() if name != one.symptom}
        return replace(change, standing=kept)
    gone = old.model_copy(
        update={
            "cleared_at": old.cleared_at or at,
            "samples": _samples(old, one, at, pushed),
            "pushed_at": pushed or old.pushed_at,
        }
    )
    # Said again for the pass that it went in: whoever said it first may have died before it was heard.
    news = (_finding(node_id, one, old.held_since, at),) if gone.cleared_at == at else ()
    return replace(change, standing={**change.standing, one.symptom: gone}, cleared=(*change.cleared, *news))


def _samples(old: Standing | None, one: Seen, at: str, pushed: str) -> tuple[Sample, ...]:
    """What is known with this one; pushes are denser than passes, and never crowd them out."""
    new = Sample(at=at, value=one.value, seconds=COVERS_SECONDS, pushed=bool(pushed))
    others = [one for one in (old.samples if old else ()) if (one.at, one.pushed) != (at, new.pushed)]
    known = sorted([*others, new], key=lambda sample: sample.at)
    kept = [one for kind in (True, False) for one in [one for one in known if one.pushed == kind][-KEPT:]]
    return tuple(sorted(kept, key=lambda sample: sample.at))


def _finding(node_id: str, one: Seen, since: str, at: str) -> Finding:
    return Finding(
        subject=node_id,
        symptom=one.symptom,
        check=one.check,
        value=str(one.value),
        held_since=since,
        observed_at=at,
        reason=one.reason,
    )
