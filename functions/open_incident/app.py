"""A signal was raised: open its subject's incident and start healing it, or join the one that is open."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, incident_events
from nightshift.aws import executions
from nightshift.aws.incidents import Incidents
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.events import STORM, SignalRaised
from nightshift.incident import Heard, Incident
from nightshift.journal import GENESIS, Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "open_incident"


class Environment(Settings):
    """The tables, the bus, and the machine that heals."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    heal_state_machine_arn: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer what became of the signal: ``opened``, ``joined``, ``duplicate`` or ``stale``."""
    signal = envelopes.detail(SignalRaised, event)
    answer, incident_id = hear(signal, clock.now())
    logger.info(
        "signal heard", answer=answer, incident_id=incident_id, subject=signal.subject, symptom=signal.symptom
    )
    return {"answer": answer, "incident_id": incident_id}


def hear(signal: SignalRaised, now: datetime) -> tuple[str, str]:
    """Decide what the signal means for its subject. A lost race raises Conflict; the retry then joins."""
    incidents = Stores.of(Environment).incidents
    subject = incidents.subject(signal.subject)
    seen = subject.seen.get(signal.alarm, "")
    if signal.occurred_at < seen:
        return "stale", subject.open_incident
    if signal.occurred_at == seen:
        if subject.open_incident:
            _start(subject.open_incident)  # the first delivery may have died before it started the machine
        return "duplicate", subject.open_incident
    if subject.open_incident:
        current = incidents.get(subject.open_incident)
        if not _relapsed(current, signal):
            return _join(incidents, current, signal, now)
        _resolve(incidents, current, signal, now)
    return "opened", _open(incidents, signal, now)


def _open(incidents: Incidents, signal: SignalRaised, now: datetime) -> str:
    node, groups = Stores.of(Environment).nodes.get(signal.subject), Stores.of(Environment).groups
    incident = Incident(
        incident_id=signal.incident_id,
        subject=signal.subject,
        node_id=signal.subject,
        group=node.group if node else signal.group,
        symptom=signal.symptom,
        symptoms={signal.symptom: _heard(signal)},
        reason=signal.reason,
        opened_at=clock.iso(now),
        head=GENESIS,
    )
    note = Note("opened", ACTOR, "opened", f"{signal.alarm}: {signal.reason}", signal.model_dump())
    roll = [groups.enroll(node.group, signal.subject, incident.incident_id)] if node else []
    incidents.open(incident, signal.alarm, now, note, *roll)
    Stores.of(Environment).bus.publish(incident_events.opened(incident))
    _start(incident.incident_id)
    return incident.incident_id


def _join(incidents: Incidents, current: Incident, signal: SignalRaised, now: datetime) -> tuple[str, str]:
    known = current.symptoms.get(signal.symptom)
    if known and signal.occurred_at <= max(known.raised_at, known.cleared_at or ""):
        return "stale", current.incident_id  # another alarm has said something newer about this symptom
    heard_now = _heard(signal)
    if known and not known.cleared_at:  # what it has held already is not waited again
        heard_now = heard_now.model_copy(update={"held_since": min(known.held_since, signal.held_since)})
    symptoms = current.symptoms | {signal.symptom: heard_now}
    note = Note("joined", ACTOR, "joined", f"{signal.alarm}: {signal.reason}", signal.model_dump())
    heard = incidents.hear(signal.subject, signal.alarm, signal.occurred_at)
    incidents.record(current, now, note, heard, symptoms=symptoms)
    return "joined", current.incident_id


def _relapsed(current: Incident, signal: SignalRaised) -> bool:
    """An alarm speaks only when it changes: one that is raised again after the page was quiet in between."""
    heard = current.symptoms.get(signal.symptom)
    return (
        current.state == "escalated"
        and heard is not None
        and heard.alarm == signal.alarm
        and signal.occurred_at > (current.closed_at or "")
    )


def _resolve(incidents: Incidents, current: Incident, signal: SignalRaised, now: datetime) -> None:
    note = Note("closed", ACTOR, "resolved", f"{signal.alarm} was quiet before it was raised again", {})
    groups = Stores.of(Environment).groups
    freed = incidents.freed(current)
    if current.group and current.symptom != STORM:
        freed.append(groups.give_back(current.group, current.incident_id, subject=current.subject))
    incidents.record(current, now, note, *freed, state="resolved", reason=note.reason)
    Stores.of(Environment).bus.publish(incident_events.resolved(current, clock.iso(now), note.reason))


def _heard(signal: SignalRaised) -> Heard:
    return Heard(alarm=signal.alarm, held_since=signal.held_since, raised_at=signal.occurred_at)


def _start(incident_id: str) -> None:
    executions.start(Environment.current().heal_state_machine_arn, incident_id, {"incident_id": incident_id})
