"""Decisions as the journal keeps them: all that one was given, what it answered, and how it is made again.

Adding a decision to the journal is adding its name to ``KNOWN``: what it is given as one dataclass, what it
answers, and the pure function between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from nightshift import clock, code, journal
from nightshift.decisions import blue_green, gates, rollback, rollout
from nightshift.decisions.admission import admit
from nightshift.decisions.blue_green import Crossed
from nightshift.decisions.gates import Consent, Passage
from nightshift.decisions.health import Verdict
from nightshift.decisions.rollback import Way
from nightshift.decisions.rollout import Plan, Progress, Step
from nightshift.decisions.situation import Admission, Situation
from nightshift.decisions.verification import Aftermath, verify
from nightshift.gate import Report
from nightshift.journal import Decided
from nightshift.policy_apps import Gate
from nightshift.ports import Unit
from nightshift.releases import Built
from nightshift.strategy import Strategy, Traffic


@dataclass(frozen=True)
class Planning:
    """What batches are cut from."""

    targets: Sequence[Unit]
    strategy: Strategy
    desired: int
    traffic: Traffic
    version: str


@dataclass(frozen=True)
class Asked:
    """What the gates of a commit are judged by."""

    wanted: Sequence[Gate]
    reports: Sequence[Report]
    consent: Consent
    now: datetime
    deadline: datetime


@dataclass(frozen=True)
class Undoing:
    """What the way back is found in."""

    releases: Sequence[Built]
    group: str
    failing: str
    touched: Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of decision: what it is given, what it answers, and the function that makes it."""

    given: type
    answer: type
    make: Callable[[Any], object]


KNOWN = {
    "admission": Kind(Situation, Admission, admit),
    "verification": Kind(Aftermath, Verdict, verify),
    "rollout": Kind(Progress, Step, rollout.next_step),
    "blue_green": Kind(Crossed, Step, blue_green.next_step),
    "plan": Kind(Planning, Plan, lambda given: rollout.plan(**vars(given))),
    "gates": Kind(Asked, Passage, lambda given: gates.judge(**vars(given))),
    "way_back": Kind(Undoing, Way, lambda given: rollback.way_back(**vars(given))),
}


def record(name: str, given: object, answer: object, policy: str) -> Decided:
    """The decision ``name`` for the journal, by the policy of version ``policy`` and the code of here."""
    kind = KNOWN[name]
    return Decided(
        name=name,
        policy=policy,
        code=code.digest(),
        given=journal.canonical(_plain(kind.given, given)),
        answer=_plain(kind.answer, answer),
    )


def given(name: str, text: str) -> Any:
    """What a decision was given, out of its canonical JSON.

    Raises ValueError when this code does not read it, or not all of it.
    """
    kind = KNOWN[name]
    found = _adapter(kind.given).validate_json(text)
    if journal.canonical(_plain(kind.given, found)) != text:
        raise ValueError("this code reads its inputs otherwise")
    return found


def again(name: str, found: object) -> object:
    """Make the decision ``name`` on what it was given; its answer as plain values."""
    kind = KNOWN[name]
    return _plain(kind.answer, kind.make(found))


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(kind: type, value: object) -> object:
    return _jsonable(_adapter(kind).dump_python(value))


def _jsonable(value: Any) -> object:
    """Plain JSON of one form only: sets sorted, instants as everywhere, amounts as text."""
    if isinstance(value, Mapping):
        return {str(name): _jsonable(inner) for name, inner in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, datetime):
        return clock.iso(value)
    return str(value) if isinstance(value, Decimal) else value
