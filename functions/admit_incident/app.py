"""May the next remedy be applied now? Look, decide with a reason, and take the lease if it may."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, remedies
from nightshift.aws import metrics
from nightshift.aws.incidents import Incidents
from nightshift.aws.stores import Stores
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Admission, Situation
from nightshift.incident import Incident, Lease
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "admit_incident"


class Environment(Settings):
    """The tables to read and the two to write."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str


class Request(BaseModel):
    """Which incident asks."""

    incident_id: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state, with what that state needs."""
    request = envelopes.read(Request, event)
    answer = decide(request.incident_id, clock.now())
    logger.info("admission", **{name: value for name, value in answer.items() if value})
    return answer


def decide(incident_id: str, now: datetime) -> dict[str, Any]:
    """Admit an incident. A lost race raises Conflict, and the machine asks again."""
    incidents = Stores.of(Environment).incidents
    incident = incidents.get(incident_id)
    version, situation = look(incident, now)
    admission = admit(situation)
    note = Note(
        "admission",
        ACTOR,
        admission.answer,
        admission.reason,
        _inputs(situation, admission) | {"policy": version},
    )
    if admission.answer == "allow" and admission.rung:
        _take_lease(incidents, incident, situation, now, note)
    elif admission.answer != "wait" or incident.wait != admission.guard:
        incidents.record(incident, now, note, wait=admission.guard if admission.answer == "wait" else "")
    return _answer(incident_id, admission)


def look(incident: Incident, now: datetime) -> tuple[str, Situation]:
    """Read everything that admission weighs, consistently; samples reach back over the longest duration."""
    version, policy = Stores.of(Environment).policies.current()
    node, groups = Stores.of(Environment).nodes.get(incident.node_id), Stores.of(Environment).groups
    known = {name: policy.symptoms[name] for name in incident.symptoms if name in policy.symptoms}
    back = max([policy.healing.stale_seconds, *(symptom.for_seconds for symptom in known.values())])
    since = now - clock.seconds(back + 60)
    return version, Situation(
        now=now,
        incident=incident,
        node=node,
        group=groups.get(node.group) if node else None,
        pause=groups.pause(),
        symptoms=known,
        samples=metrics.samples(known, incident.node_id, since, now) if node and known else {},
        healing=policy.healing,
    )


def _take_lease(
    incidents: Incidents, incident: Incident, situation: Situation, now: datetime, note: Note
) -> None:
    groups, group = Stores.of(Environment).groups, situation.group
    if group is None:
        raise AssertionError("the known_node guard admits no node without a group")
    expires_at = clock.iso(now + clock.seconds(situation.healing.lease_seconds))
    lease = Lease(incident_id=incident.incident_id, fence=group.fence + 1, expires_at=expires_at)
    taken = groups.take_lease(group, incident.node_id, lease, clock.iso(now))
    incidents.record(
        incident, now, note, taken, groups.not_paused(), fence=lease.fence, wait="", group=group.group
    )


def _inputs(situation: Situation, admission: Admission) -> dict[str, object]:
    """The values that were compared, for ``nightshift why``."""
    held = {name: heard.held_since for name, heard in situation.incident.symptoms.items()}
    newest = {
        name: [f"{sample.at} {sample.value}" for sample in samples[-10:]]
        for name, samples in situation.samples.items()
    }
    return {
        "guard": admission.guard,
        "level": admission.rung.level if admission.rung else 0,
        "remedy": admission.rung.remedy if admission.rung else "",
        "until": clock.iso(admission.until) if admission.until else "",
        "node": situation.node.state if situation.node else "unknown",
        "held_since": held,
        "newest_samples": newest,
        "attempts": len(situation.node.attempts) if situation.node else 0,
    }


def _answer(incident_id: str, admission: Admission) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "incident_id": incident_id,
        "reason": admission.reason,
        "outcome": "",
        "until": "",
    }
    if admission.answer == "wait" and admission.until:
        return {**answer, "next": "WaitUntil", "until": clock.iso(admission.until)}
    if admission.answer == "refuse":
        page = admission.page
        return {
            **answer,
            "next": "Notify" if page else "CloseIncident",
            "outcome": "escalated" if page else "suppressed",
        }
    if admission.rung is None:
        return {**answer, "next": "VerifyHealth"}
    rung = {"level": admission.rung.level, "remedy": admission.rung.remedy, "symptom": admission.symptom}
    return {**answer, "next": remedies.load(admission.rung.remedy).STATE, **rung}
