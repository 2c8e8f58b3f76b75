"""The "CloudWatch Alarm State Change" event, in AWS's shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tools.local.cloud.alarms.evaluation import Rule, Verdict


def timestamp(epoch: float) -> str:
    """CloudWatch's format: 2026-01-31T03:00:00.000+0000."""
    at = datetime.fromtimestamp(epoch, tz=UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"


def reason_data(rule: Rule, verdict: Verdict, now: float) -> dict[str, Any]:
    """The machine-readable reason of a metric alarm's transition."""
    return {
        "version": "1.0",
        "queryDate": timestamp(now),
        **({"startDate": timestamp(verdict.start)} if verdict.start is not None else {}),
        "statistic": rule.statistic,
        "period": rule.period,
        "recentDatapoints": [point.value for point in verdict.evaluated],
        "threshold": rule.threshold,
        "evaluatedDatapoints": [
            {"timestamp": timestamp(point.start), "sampleCount": point.count, "value": point.value}
            for point in reversed(verdict.evaluated)
        ],
    }


def state(value: str, reason: str, data: Any, at: float) -> dict[str, Any]:
    """One side of a transition; `data` travels as a JSON string, as in AWS."""
    told: dict[str, Any] = {"value": value, "reason": reason, "timestamp": timestamp(at)}
    if data:
        told["reasonData"] = data if isinstance(data, str) else json.dumps(data, separators=(",", ":"))
    return told


def state_change(
    alarm: Mapping[str, Any], now_state: dict[str, Any], previous: dict[str, Any]
) -> dict[str, Any]:
    """The event entry for PutEvents of one transition of a metric or composite alarm."""
    return {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Resources": [alarm["AlarmArn"]],
        "Detail": {
            "alarmName": alarm["AlarmName"],
            "state": now_state,
            "previousState": previous,
            "configuration": _configuration(alarm),
        },
    }


def _configuration(alarm: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": alarm.get("AlarmDescription") or ""}
    if "AlarmRule" in alarm:
        return {"alarmRule": alarm["AlarmRule"], **described}
    metric = {
        "namespace": alarm.get("Namespace"),
        "name": alarm.get("MetricName"),
        "dimensions": {pair["Name"]: pair["Value"] for pair in alarm.get("Dimensions", [])},
    }
    return {
        **described,
        "metrics": [
            {
                "id": "m1",
                "metricStat": {
                    "metric": metric,
                    "period": alarm.get("Period"),
                    "stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic"),
                },
                "returnData": True,
            }
        ],
    }
