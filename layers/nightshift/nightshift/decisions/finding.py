"""From a finding to a signal: when is it one, and when has everybody who must know heard of it already."""

from __future__ import annotations

from dataclasses import dataclass

from nightshift import clock
from nightshift.events import Finding, SignalCleared, SignalRaised, traceparent
from nightshift.policy import Policy


@dataclass(frozen=True)
class Known:
    """What incidents know of a finding.

    ``joined`` is whether its symptom stands in an incident that is not over; ``last_closed`` when the
    subject's last incident ended, empty for none.
    """

    joined: bool = False
    last_closed: str = ""


def raised(found: Finding, policy: Policy, known: Known) -> SignalRaised | None:
    """The signal that a finding is; None where it is nothing to act upon.

    It must have been found over the symptom's whole ``for_seconds``: one look cannot show that it lasted,
    the next pass can. An open incident that has the symptom, from an alarm or a finding, needs no second
    word; what was seen before the last incident ended is what that incident was about.
    """
    symptom = policy.symptoms.get(found.symptom)
    if symptom is None or known.joined or found.observed_at <= known.last_closed:
        return None
    lasted = clock.parse(found.observed_at) - clock.parse(found.held_since)
    if lasted < clock.seconds(symptom.for_seconds):
        return None
    return SignalRaised(
        occurred_at=found.observed_at,
        traceparent=_trace(found),
        subject=found.subject,
        symptom=found.symptom,
        alarm=_name(found),
        held_since=found.held_since,
        reason=found.reason,
    )


def cleared(found: Finding) -> SignalCleared:
    """The signal that a finding is gone; whoever never heard of it ignores it."""
    return SignalCleared(
        occurred_at=found.observed_at,
        traceparent=_trace(found),
        subject=found.subject,
        symptom=found.symptom,
        alarm=_name(found),
        reason=found.reason,
    )


def _name(found: Finding) -> str:
    return f"inspection-{found.check}-{found.subject}"


def _trace(found: Finding) -> str:
    return traceparent(f"{found.subject}/{_name(found)}", found.observed_at)
