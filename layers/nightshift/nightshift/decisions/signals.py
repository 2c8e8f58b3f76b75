"""From an alarm event to a signal: which subject has which symptom, and since when."""

from __future__ import annotations

import json

from nightshift import clock
from nightshift.envelopes import AlarmStateChange
from nightshift.errors import Refused
from nightshift.events import SignalCleared, SignalRaised, traceparent
from nightshift.policy import Policy

DIMENSION = "InstanceId"


def from_alarm(event: AlarmStateChange, policy: Policy) -> SignalRaised | SignalCleared | None:
    """The signal that an alarm's change means; None where it says nothing (insufficient data).

    Raises Refused ``signal.no_subject`` or ``signal.unknown_symptom``: an alarm that cannot be
    understood is never acted upon.
    """
    state = event.detail.state
    if state.value == "INSUFFICIENT_DATA":
        return None
    alarm, occurred_at = event.detail.alarm_name, clock.iso(clock.parse(state.timestamp))
    subject, symptom = subject_of(event), symptom_of(event, policy)
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
        held_since=_held_since(event, occurred_at),
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
    metrics = [query.metric_stat.metric for query in event.detail.configuration.metrics if query.metric_stat]
    for metric in metrics:
        symptom = policy.symptom_of(metric.namespace, metric.name)
        if symptom:
            return symptom
    read = ", ".join(f"{metric.namespace}/{metric.name}" for metric in metrics) or "no metric"
    raise Refused(
        "signal.unknown_symptom",
        f"alarm {event.detail.alarm_name} reads {read}, which is no symptom of the policy",
    )


def _held_since(event: AlarmStateChange, occurred_at: str) -> str:
    """When the symptom began (``reasonData.startDate``): the alarm's own wait is not waited again."""
    try:
        started = json.loads(event.detail.state.reason_data or "{}").get("startDate")
    except (ValueError, AttributeError):
        return occurred_at
    return min(occurred_at, clock.iso(clock.parse(started))) if isinstance(started, str) else occurred_at
