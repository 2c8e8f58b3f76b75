"""End an incident: give everything back, and say how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, incident_events
from nightshift.aws.incidents import Incidents
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.decisions import efficacy
from nightshift.entry import entry
from nightshift.envelopes import ExecutionEnded
from nightshift.events import SignalCleared
from nightshift.incident import Heard, Incident
from nightshift.journal import Note
from nightshift.settings import Settings

logger, metrics = Logger(), Metrics()
ACTOR = "close_incident"


class Environment(Settings):
    """The tables and the bus."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str


class Request(BaseModel):
    """How the machine wants an incident closed; ``version`` is what was verified, or admitted to its end."""

    incident_id: str
    outcome: Literal["healed", "suppressed", "escalated"]
    reason: str
    version: int | None = None


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Close by the machine's word, by a dead machine's status event, or by an alarm that fell quiet."""
    now = clock.now()
    if event.get("source") == "aws.states":
        ended = envelopes.read(ExecutionEnded, event).detail
        answer = close(Request(incident_id=ended.name, outcome="escalated", reason=ended.reason), now)
    elif event.get("detail-type") == "SignalCleared":
        answer = resolve(envelopes.detail(SignalCleared, event), now)
    else:
        answer = close(envelopes.read(Request, event), now)
    logger.info("closed", **answer)
    return answer


def close(request: Request, now: datetime) -> dict[str, Any]:
    """Close once; a repeated call only publishes again.

    A symptom that joined after the verification sends the machine back to verify, and one that joined
    an incident nobody had touched back to its admission: no signal is lost.
    """
    incidents = Stores.of(Environment).incidents
    incident = incidents.get(request.incident_id)
    if incident.state == "open":
        if request.version is not None and incident.version != request.version:
            back = "VerifyHealth" if incident.levels else "AdmitIncident"
            return {"incident_id": incident.incident_id, "next": back, "state": "open"}
        incident = _end(incidents, incident, request, now)
        _measure(incident)
    Stores.of(Environment).bus.publish(incident_events.ended(incident))
    return {"incident_id": incident.incident_id, "next": "Done", "state": incident.state}


def resolve(signal: SignalCleared, now: datetime) -> dict[str, Any]:
    """An escalated incident ends when every alarm that joined it is quiet; an open one only remembers it."""
    incidents = Stores.of(Environment).incidents
    current = incidents.subject(signal.subject).open_incident
    if not current:
        return {"incident_id": "", "next": "Done", "state": "none"}
    incident = incidents.get(current)
    heard = incident.symptoms.get(signal.symptom)
    if heard is None or heard.cleared_at or heard.raised_at > signal.occurred_at:
        return {"incident_id": current, "next": "Done", "state": incident.state}
    symptoms = incident.symptoms | {
        signal.symptom: heard.model_copy(update={"cleared_at": signal.occurred_at})
    }
    over = incident.state == "escalated" and _quiet(symptoms)
    state = "resolved" if over else incident.state
    reason = f"{signal.alarm} is quiet: {signal.reason}"
    note = Note("closed" if over else "cleared", ACTOR, state, reason, {})
    freed = _free(incidents, incident, lease=False) if over else []
    recorded = incidents.record(incident, now, note, *freed, symptoms=symptoms, state=state)
    if over:
        Stores.of(Environment).bus.publish(incident_events.resolved(recorded, clock.iso(now), reason))
    return {"incident_id": current, "next": "Done", "state": state}


def _end(incidents: Incidents, incident: Incident, request: Request, now: datetime) -> Incident:
    """One transaction: the state, the journal, the lease and the subject.

    A subject is kept for the person who must act until its alarms are quiet. When they are already,
    none would ever free it, and its next alarm would join an incident that nobody heals.
    """
    subject = request.outcome != "escalated" or _quiet(incident.symptoms)
    writes = _free(incidents, incident, subject=subject, ended_at=clock.iso(now))
    if request.outcome == "healed":
        nodes = Stores.of(Environment).nodes
        node = nodes.get(incident.node_id)
        writes += [nodes.healed(node, incident.symptoms, clock.iso(now))] if node else []
    note = Note("closed", ACTOR, request.outcome, request.reason, {"levels": len(incident.levels)})
    return incidents.record(
        incident, now, note, *writes, state=request.outcome, reason=request.reason, closed_at=clock.iso(now)
    )


def _quiet(symptoms: Mapping[str, Heard]) -> bool:
    return all(heard.cleared_at for heard in symptoms.values())


def _free(
    incidents: Incidents, incident: Incident, *, lease: bool = True, subject: bool = True, ended_at: str = ""
) -> list[Write]:
    """Give the lease and the subject back: one write per item, as a transaction wants it.

    An incident that ended also teaches its group how its remedies fared.
    """
    groups = Stores.of(Environment).groups
    group = groups.get(incident.group) if incident.group else None
    held = [
        node
        for node, one in (group.leases if group else {}).items()
        if lease and one.incident_id == incident.incident_id
    ]
    # A lease that has expired may be reaped while the node's successor is still awaited.
    awaited = [
        node
        for node, step in (group.replacements if group else {}).items()
        if lease and node not in held and step.startswith(f"{incident.incident_id}-")
    ]
    mine = group is not None and group.troubled.get(incident.subject) == incident.incident_id
    struck = incident.subject if subject and mine else ""
    writes = []
    before = group.fared if group else {}
    after = efficacy.counted(before, incident.levels, ended_at) if ended_at and group else before
    learned = (before, after) if after != before else None
    if held or awaited or struck or learned:  # an incident holds at most one node of a group at a time
        writes.append(
            groups.give_back(
                incident.group,
                incident.incident_id,
                node_id=next(iter(held), ""),
                awaited=next(iter(awaited), ""),
                subject=struck,
                learned=learned,
            )
        )
    if subject:
        writes += incidents.freed(incident)
    return writes


def _measure(incident: Incident) -> None:
    metrics.add_dimension("Outcome", incident.state)
    metrics.add_metric("Incidents", MetricUnit.Count, 1)
    if incident.state == "healed":
        metrics.add_metric("TimeToHeal", MetricUnit.Seconds, incident.seconds)
    metrics.flush_metrics()  # here, since most invocations have none, and powertools warns of that
