"""CloudWatch: alarms as they stand now, in the shape of the event that their last change was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nightshift import clock
from nightshift.aws.session import client
from nightshift.envelopes import AlarmStateChange

PAGE = 100  # as many names as one DescribeAlarms takes


def in_alarm(prefix: str) -> Iterator[AlarmStateChange]:
    """Every metric alarm whose name begins with ``prefix`` and that shows ALARM."""
    yield from _described(AlarmNamePrefix=prefix, StateValue="ALARM")


def named(names: Sequence[str]) -> dict[str, AlarmStateChange]:
    """The alarms of these names, as far as they exist."""
    found = {}
    for start in range(0, len(names), PAGE):
        for alarm in _described(AlarmNames=list(names[start : start + PAGE])):
            found[alarm.detail.alarm_name] = alarm
    return found


def _described(**wanted: object) -> Iterator[AlarmStateChange]:
    for page in client("cloudwatch").get_paginator("describe_alarms").paginate(**wanted):
        for alarm in page["MetricAlarms"]:
            yield _change(alarm)


def _change(alarm: Mapping[str, Any]) -> AlarmStateChange:
    at = clock.iso(alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"])
    state = {
        "value": alarm["StateValue"],
        "reason": alarm.get("StateReason", ""),
        "reasonData": alarm.get("StateReasonData"),
        "timestamp": at,
    }
    return AlarmStateChange.model_validate(
        {
            "id": alarm["AlarmArn"],
            "source": "aws.cloudwatch",
            "detail-type": "CloudWatch Alarm State Change",
            "time": at,
            "detail": {
                "alarmName": alarm["AlarmName"],
                "state": state,
                "configuration": {"metrics": _queries(alarm)},
            },
        }
    )


def _queries(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the alarm reads: its one metric, or every metric of its expression."""
    if alarm.get("MetricName"):
        return [{"id": "m1", "metricStat": {"metric": _metric(alarm)}}]
    return [
        {
            "id": query["Id"],
            "expression": query.get("Expression") or "",
            "metricStat": {"metric": _metric(query["MetricStat"]["Metric"])}
            if "MetricStat" in query
            else None,
        }
        for query in alarm.get("Metrics", [])
    ]


def _metric(metric: Mapping[str, Any]) -> dict[str, Any]:
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
    return {"namespace": metric["Namespace"], "name": metric["MetricName"], "dimensions": dimensions}
