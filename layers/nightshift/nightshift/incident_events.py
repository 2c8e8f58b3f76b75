"""What is told of an incident on the bus: that it is opened, and how it ended."""

from __future__ import annotations

from nightshift.events import (
    IncidentEscalated,
    IncidentEvent,
    IncidentHealed,
    IncidentOpened,
    IncidentResolved,
    IncidentSuppressed,
    traceparent,
)
from nightshift.incident import Incident


def opened(incident: Incident) -> IncidentOpened:
    """Nothing was done about it yet."""
    return IncidentOpened.model_validate(_of(incident, "opened", incident.opened_at, incident.reason))


def resolved(incident: Incident, at: str, reason: str) -> IncidentResolved:
    """A person, or time, has ended what nobody healed; ``reason`` says how that is known."""
    return IncidentResolved.model_validate(_of(incident, "resolved", at, reason))


def ended(incident: Incident) -> IncidentEvent:
    """It was healed, or suppressed; else it is a person's from now on."""
    told = _of(incident, incident.state, incident.closed_at or incident.opened_at, incident.reason)
    if incident.state == "healed":
        level = incident.current.level if incident.current else 0
        return IncidentHealed.model_validate({**told, "level": level, "seconds": incident.seconds})
    kind = IncidentSuppressed if incident.state == "suppressed" else IncidentEscalated
    return kind.model_validate(told)


def _of(incident: Incident, cause: str, at: str, reason: str) -> dict[str, object]:
    return {
        "occurred_at": at,
        "traceparent": traceparent(incident.incident_id, cause),
        "incident_id": incident.incident_id,
        "subject": incident.subject,
        "symptom": incident.symptom,
        "reason": reason,
    }
