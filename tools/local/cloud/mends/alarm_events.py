"""Alarm transitions reach EventBridge.

Upstream records history and notifies topics, but emits no "CloudWatch Alarm State Change" event,
neither for its evaluation nor for SetAlarmState.
"""

from __future__ import annotations

import time
from typing import Any

from tools.local.cloud.alarms import events
from tools.local.cloud.config import CloudConfig
from tools.local.cloud.scope import put_aws_events

_INITIAL = "Unchecked: Initial alarm creation"
_last: dict[str, dict[str, Any]] = {}


def apply(_config: CloudConfig) -> None:
    """Emit the event wherever upstream records a transition."""
    from ministack.services import cloudwatch

    record_history = cloudwatch._record_history

    def record(name: str, old: str, new: str, reason: str, *rest: Any, reason_data: Any = None) -> None:
        # Upstream passes the alarm's type, then its reason data.
        data = rest[1] if len(rest) > 1 else reason_data
        record_history(name, old, new, reason, rest[0] if rest else "MetricAlarm", data)
        alarm = cloudwatch._alarms.get(name) or cloudwatch._composite_alarms.get(name)
        if old == new or alarm is None:
            return
        now = time.time()
        arn = alarm["AlarmArn"]
        current = events.state(new, reason, data or _given_data(alarm, reason), now)
        previous = _last.get(arn)
        if previous is None or previous["value"] != old:
            previous = events.state(old, _INITIAL, None, now)
        _last[arn] = current
        put_aws_events([events.state_change(alarm, current, previous)])

    cloudwatch._record_history = record


def _given_data(alarm: dict[str, Any], reason: str) -> Any:
    # SetAlarmState keeps the caller's StateReasonData on the alarm itself.
    return alarm.get("StateReasonData") if alarm.get("StateReason") == reason else None
