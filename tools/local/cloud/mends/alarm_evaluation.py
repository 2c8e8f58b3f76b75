"""Alarms are evaluated on a tick, from the metrics that were really put.

Upstream evaluates only when data is put, ignores dimensions, missing data, M out of N, and mixes
all points of a name; every request also scans every stored point for eviction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from tools.local.cloud.alarms import events
from tools.local.cloud.alarms.evaluation import Rule, Sample, evaluate, window_start
from tools.local.cloud.config import CloudConfig
from tools.local.cloud.scope import enter_scope

_log = logging.getLogger("nightshift.cloud.alarms")
# AWS keeps points of high resolution for three hours.
_KEPT_SECONDS = 3 * 3600
_EVICT_EVERY_SECONDS = 60.0
_LATE_SECONDS = 120.0
_evicted_at = 0.0


def apply(_config: CloudConfig) -> None:
    """Silence upstream's evaluation; the server runs `tick` instead."""
    from ministack.services import cloudwatch

    cloudwatch._evaluate_alarm = lambda _alarm: None
    cloudwatch._evaluate_all_alarms = lambda: None
    cloudwatch._evict_old_metrics = lambda: _evict(cloudwatch)


async def tick_forever(seconds: float) -> None:
    """Evaluate all alarms every `seconds`, until cancelled; runs on the server's loop."""
    from ministack.services import cloudwatch

    enter_scope()
    while True:
        await asyncio.sleep(seconds)
        try:
            tick(cloudwatch, time.time())
        except Exception:  # noqa: BLE001 - the boundary: one bad alarm must not end all evaluation
            _log.exception("alarm evaluation failed")


def tick(cloudwatch: Any, now: float) -> None:
    """Evaluate every metric alarm once."""
    for alarm in list(cloudwatch._alarms.values()):
        if alarm.get("Namespace") and alarm.get("MetricName"):
            _evaluate(cloudwatch, alarm, now)


def _evaluate(cloudwatch: Any, alarm: dict[str, Any], now: float) -> None:
    rule = _rule(alarm)
    samples = _samples(cloudwatch, alarm, window_start(rule, now))

    def statistic(chosen: Sequence[Sample]) -> float | None:
        points = [sample.point for sample in chosen]
        value = cloudwatch._stat_value(cloudwatch._calc_stats(points), rule.statistic, points)
        return None if value is None else float(value)

    verdict = evaluate(rule, samples, statistic, now)
    old = alarm["StateValue"]
    if verdict.state is None or verdict.state == old:
        return
    data = events.reason_data(rule, verdict, now)
    alarm["StateValue"] = verdict.state
    alarm["StateReason"] = verdict.reason
    alarm["StateReasonData"] = events.state(verdict.state, verdict.reason, data, now)["reasonData"]
    alarm["StateUpdatedTimestamp"] = int(now)
    cloudwatch._record_history(alarm["AlarmName"], old, verdict.state, verdict.reason, "MetricAlarm", data)
    cloudwatch._dispatch_alarm_actions(alarm, old, verdict.state, verdict.reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _rule(alarm: dict[str, Any]) -> Rule:
    periods = int(alarm.get("EvaluationPeriods") or 1)
    return Rule(
        statistic=alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average",
        period=int(alarm.get("Period") or 60),
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.get("DatapointsToAlarm") or periods),
        threshold=float(alarm["Threshold"]),
        comparison=alarm["ComparisonOperator"],
        treat_missing=alarm.get("TreatMissingData") or "missing",
    )


def _samples(cloudwatch: Any, alarm: dict[str, Any], since: float) -> list[Sample]:
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    key = (alarm["Namespace"], alarm["MetricName"], dimensions)
    found: list[Sample] = []
    # Points are stored as they arrive, so the newest stand last; a late one may be out of order.
    for point in reversed(cloudwatch._metrics.get(key) or []):
        if point["Timestamp"] < since - _LATE_SECONDS:
            break
        if point["Timestamp"] >= since and alarm.get("Unit") in (None, "", point.get("Unit")):
            found.append(Sample(point["Timestamp"], cloudwatch._point_stats(point)[0], point))
    return found


def _evict(cloudwatch: Any) -> None:
    global _evicted_at  # noqa: PLW0603 - the time of the last sweep is the module's only state
    now = time.monotonic()
    if now - _evicted_at < _EVICT_EVERY_SECONDS:
        return
    _evicted_at = now
    oldest = time.time() - _KEPT_SECONDS
    for key, points in list(cloudwatch._metrics.items()):
        kept = [point for point in points if point["Timestamp"] >= oldest]
        if kept:
            cloudwatch._metrics[key] = kept
        else:
            del cloudwatch._metrics[key]
