"""What an alarm that stands as it stands should have said, and did not (or not again)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.decisions import signals
from nightshift.envelopes import AlarmStateChange
from nightshift.events import SignalCleared, SignalRaised, traceparent
from nightshift.incident import Heard
from nightshift.policy import Policy

MARGIN = clock.seconds(60)
# DescribeAlarms may cut the instant that the event gives in milliseconds; no alarm changes twice a second.
_BLUR = clock.seconds(1)


@dataclass(frozen=True)
class Past:
    """What is known: when the alarm spoke last, and its subject's open and last ended incident."""

    seen: str = ""
    open_incident: str = ""
    last_incident: str = ""
    last_closed: str = ""


def unheard(
    alarm: AlarmStateChange, policy: Policy, alarm_prefix: str, past: Past, now: datetime
) -> SignalRaised | None:
    """The signal that nobody heard: its event was lost, or the symptom came back under a standing alarm.

    Its ``occurred_at`` depends on nothing but what stands in AWS and in the tables, so that two sweeps
    name the same incident. Raises Refused as ``signals.from_alarm`` does.
    """
    signal = signals.from_alarm(alarm, policy, alarm_prefix)
    if not isinstance(signal, SignalRaised) or now - clock.parse(signal.occurred_at) <= MARGIN:
        return None
    if not past.seen or clock.parse(past.seen) + _BLUR <= clock.parse(signal.occurred_at):
        return signal
    if past.open_incident or not past.last_closed:
        return None
    period = clock.seconds(policy.symptoms[signal.symptom].period_seconds)
    again = clock.parse(past.last_closed) + period + MARGIN
    return _again(signal, past, clock.iso(again)) if past.seen < clock.iso(again) <= clock.iso(now) else None


def _again(signal: SignalRaised, past: Past, at: str) -> SignalRaised:
    """An alarm speaks only when it changes; since when the symptom is back, admission reads from samples."""
    return signal.model_copy(
        update={
            "occurred_at": at,
            "held_since": at,
            "traceparent": traceparent(f"{signal.subject}/{signal.alarm}", at),
            "reason": f"still in ALARM after {past.last_incident} ended: {signal.reason}",
        }
    )


def quiet(
    alarm: AlarmStateChange, policy: Policy, alarm_prefix: str, heard: Heard, now: datetime
) -> SignalCleared | None:
    """The signal that a joined alarm is quiet, when nobody heard it; raises Refused like ``unheard``."""
    signal = signals.from_alarm(alarm, policy, alarm_prefix)
    if not isinstance(signal, SignalCleared) or heard.cleared_at:
        return None
    late = now - clock.parse(signal.occurred_at) > MARGIN
    return signal if late and signal.occurred_at >= heard.raised_at else None
