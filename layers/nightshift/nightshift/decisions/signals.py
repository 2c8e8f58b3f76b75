"""From an alarm event to a signal: which subject has which symptom, and since when."""

from __future__ import annotations

import json
import re

from nightshift import clock
from nightshift.decisions import composites
from nightshift.envelopes import AlarmStateChange
from nightshift.errors import Refused
from nightshift.events import SignalCleared, SignalRaised, traceparent
from nightshift.policy import Policy

DIMENSION = "InstanceId"
# SELECT AVG(CPUUtilization) FROM "AWS/EC2" GROUP BY InstanceId, or FROM SCHEMA("AWS/EC2", InstanceId)
_INSIGHTS_QUERY = re.compile(
    r'^\s*SELECT\s+\w+\(\s*"?([^")]+?)"?\s*\)\s+FROM\s+(?:SCHEMA\(\s*)?"?([^",\s)]+)', re.IGNORECASE
)
_GROUPED = re.compile(r"^\s*SELECT\b.*\bGROUP\s+BY\b", re.IGNORECASE | re.DOTALL)


def from_alarm(
    event: AlarmStateChange, policy: Policy, alarm_prefix: str
) -> SignalRaised | SignalCleared | None:
    """The signal that an alarm's change means; None where it says nothing.

    ``alarm_prefix`` is how the names of node alarms begin; a composite's subject is read from them.
    Nothing is said by insufficient data, nor by a multi-series alarm as a whole: its contributors speak.

    Raises Refused ``signal.no_subject`` or ``signal.unknown_symptom``: an alarm that cannot be
    understood is never acted upon.
    """
    state = event.detail.state
    if state.value == "INSUFFICIENT_DATA" or is_parent(event):
        return None
    alarm, occurred_at = event.detail.alarm_name, clock.iso(clock.parse(state.timestamp))
    if event.detail.configuration.alarm_rule is not None:
        subject, symptom, held_since = composites.meaning(event, policy, alarm_prefix)
    else:
        subject, symptom = subject_of(event), symptom_of(event, policy)
        held_since = _held_since(event, occurred_at)
    trace = traceparent(f"{subject}/{alarm}", occurred_at)
    if state.value == "OK":
        return SignalCleared(
            occurred_at=occurred_at,
            traceparent=trace,
            subject=subject,
            symptom=symptom,
            alarm=alarm,
            reason=state.reason,
        )
    return SignalRaised(
        occurred_at=occurred_at,
        traceparent=trace,
        subject=subject,
        symptom=symptom,
        alarm=alarm,
        reason=state.reason,
        held_since=min(held_since, occurred_at),
    )


def is_parent(event: AlarmStateChange) -> bool:
    """Whether this is a multi-series alarm's own change, beside which each of its contributors sends one.

    Told by what the alarm watches: a query with ``GROUP BY``. One that only feeds an expression makes no
    contributors, so that alarm speaks for nobody else.
    """
    watched = [query.expression for query in event.detail.configuration.metrics if query.return_data]
    return (
        event.detail_type == "CloudWatch Alarm State Change"
        and event.detail.contributor is None
        and any(_GROUPED.search(expression) for expression in watched)
    )


def subject_of(event: AlarmStateChange) -> str:
    """The one node that the alarm is about: a contributor's attribute, else the metrics' dimension."""
    contributor = event.detail.contributor
    if contributor and DIMENSION in contributor.attributes:
        return contributor.attributes[DIMENSION]
    metrics = [query.metric_stat.metric for query in event.detail.configuration.metrics if query.metric_stat]
    named = {metric.dimensions[DIMENSION] for metric in metrics if DIMENSION in metric.dimensions}
    if len(named) != 1:
        raise Refused(
            "signal.no_subject",
            f"alarm {event.detail.alarm_name} names {len(named)} nodes by {DIMENSION}; exactly one is needed",
        )
    return named.pop()


def symptom_of(event: AlarmStateChange, policy: Policy) -> str:
    """The policy's symptom that is read from one of the alarm's metrics."""
    metrics = _metrics(event)
    for namespace, name in metrics:
        symptom = policy.symptom_of(namespace, name)
        if symptom:
            return symptom
    read = ", ".join(f"{namespace}/{name}" for namespace, name in metrics) or "no metric"
    raise Refused(
        "signal.unknown_symptom",
        f"alarm {event.detail.alarm_name} reads {read}, which is no symptom of the policy",
    )


def _metrics(event: AlarmStateChange) -> list[tuple[str, str]]:
    """Namespace and name of every metric that the alarm reads, as a statistic or by Metrics Insights."""
    found = []
    for query in event.detail.configuration.metrics:
        if query.metric_stat:
            found.append((query.metric_stat.metric.namespace, query.metric_stat.metric.name))
        elif insights := _INSIGHTS_QUERY.match(query.expression):
            found.append((insights[2], insights[1]))
    return found


def _held_since(event: AlarmStateChange, occurred_at: str) -> str:
    """When the symptom began (``reasonData.startDate``): the alarm's own wait is not waited again."""
    try:
        started = json.loads(event.detail.state.reason_data or "{}").get("startDate")
    except (ValueError, AttributeError):
        return occurred_at
    return min(occurred_at, clock.iso(clock.parse(started))) if isinstance(started, str) else occurred_at
