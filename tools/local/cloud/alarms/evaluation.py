"""Does an alarm breach? The pure part: data points and the time in, a verdict with its reason out.

Follows AWS's documented evaluation: periods aligned to the clock, the most recent
EvaluationPeriods data points of a slightly longer range, M out of N, four ways to treat missing
data. One deliberate difference: the period that is still open counts as soon as it breaches, where
later data can only make it worse (a minimum below, or a maximum above, its threshold).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Statistic = Callable[[Sequence["Sample"]], "float | None"]

# How many periods more than EvaluationPeriods are looked at, so that one late point is no gap.
_EXTRA_PERIODS = 2

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_PHRASES = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True)
class Sample:
    """One stored point: `at` in epoch seconds, how many measurements it holds, and the point itself."""

    at: float
    count: float
    point: Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """What an alarm asks. `statistic` is a name such as Average, Minimum or p99; `period` in seconds."""

    statistic: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    comparison: str
    treat_missing: str

    def breaches(self, value: float) -> bool:
        """Is this value beyond the threshold?"""
        return _COMPARE[self.comparison](value, self.threshold)

    @property
    def only_worsens(self) -> bool:
        """Can more data in an open period only strengthen a breach?"""
        pairs = {("Minimum", "L"), ("Maximum", "G"), ("SampleCount", "G")}
        return (self.statistic, self.comparison[0]) in pairs


@dataclass(frozen=True)
class Datapoint:
    """One period's value; `start` in epoch seconds."""

    start: int
    value: float
    count: float


@dataclass(frozen=True)
class Verdict:
    """What the alarm should be; `state` None keeps it as it is. Data points are oldest first."""

    state: State | None
    reason: str
    evaluated: tuple[Datapoint, ...]
    start: int | None


def window_start(rule: Rule, now: float) -> float:
    """The oldest time, in epoch seconds, of any sample that `evaluate` needs."""
    return (int(now // rule.period) - rule.evaluation_periods - _EXTRA_PERIODS) * rule.period


def evaluate(rule: Rule, samples: Sequence[Sample], statistic: Statistic, now: float) -> Verdict:
    """Judge the alarm at `now`; `samples` may be in any order and reach further back than needed."""
    slots = _slots(rule, samples, statistic, now)
    real = [point for point in slots if point is not None][-rule.evaluation_periods :]
    breaching = [point for point in real if rule.breaches(point.value)]
    missing = max(0, rule.evaluation_periods - len(real))
    filled = missing if rule.treat_missing == "breaching" else 0
    if len(breaching) + filled >= rule.datapoints_to_alarm:
        return _verdict("ALARM", rule, real, breaching, missing)
    if missing and rule.treat_missing in ("missing", "ignore"):
        return _with_gaps(rule, slots, real, breaching, missing)
    return _verdict("OK", rule, real, breaching, missing)


def _slots(rule: Rule, samples: Sequence[Sample], statistic: Statistic, now: float) -> list[Datapoint | None]:
    """One entry per period of the evaluation range, oldest first; None where there is no data."""
    open_period = int(now // rule.period)
    first = open_period - rule.evaluation_periods - _EXTRA_PERIODS
    by_period: dict[int, list[Sample]] = {}
    for sample in samples:
        period = int(sample.at // rule.period)
        if first <= period <= open_period:
            by_period.setdefault(period, []).append(sample)
    slots: list[Datapoint | None] = []
    for period in range(first, open_period + 1):
        found = by_period.get(period, [])
        value = statistic(found) if found else None
        if value is None:
            slots.append(None)
        else:
            slots.append(Datapoint(period * rule.period, value, sum(s.count for s in found)))
    newest = slots[-1]
    if newest is None or not (rule.only_worsens and rule.breaches(newest.value)):
        slots.pop()
    return slots


def _with_gaps(
    rule: Rule,
    slots: list[Datapoint | None],
    real: list[Datapoint],
    breaching: list[Datapoint],
    missing: int,
) -> Verdict:
    if not real:
        if rule.treat_missing == "ignore":
            return Verdict(None, "", (), None)
        reason = f"Insufficient Data: {missing} datapoints were unknown."
        return Verdict("INSUFFICIENT_DATA", reason, (), None)
    if len(breaching) < len(real):
        return _verdict("OK", rule, real, breaching, missing)
    # Only breaching data so far: AWS alarms once the oldest of it is as old as DatapointsToAlarm.
    age = len(slots) - slots.index(real[0])
    if rule.treat_missing == "missing" and age >= rule.datapoints_to_alarm:
        return _verdict("ALARM", rule, real, breaching, missing)
    return Verdict(None, "", tuple(real), None)


def _verdict(
    state: State, rule: Rule, real: list[Datapoint], breaching: list[Datapoint], missing: int
) -> Verdict:
    deciding = breaching if state == "ALARM" else real
    start = min((point.start for point in deciding), default=None)
    return Verdict(state, _reason(state, rule, real, breaching, missing), tuple(real), start)


def _reason(state: State, rule: Rule, real: list[Datapoint], breaching: list[Datapoint], missing: int) -> str:
    if not real:
        treated = "Breaching" if rule.treat_missing == "breaching" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {missing} periods and {missing} "
            f"missing datapoints were treated as [{treated}]."
        )
    told = breaching if state == "ALARM" else [p for p in real if p not in breaching]
    values = ", ".join(str(point.value) for point in reversed(told))
    was = "was" if len(told) == 1 else "were"
    no = "" if state == "ALARM" else "not "
    return (
        f"Threshold Crossed: {len(told)} out of the last {rule.evaluation_periods} datapoints [{values}] "
        f"{was} {no}{_PHRASES[rule.comparison]} the threshold ({rule.threshold}) "
        f"(minimum {rule.datapoints_to_alarm} datapoint{'s' if rule.datapoints_to_alarm > 1 else ''} "
        "for OK -> ALARM transition)."
    )
