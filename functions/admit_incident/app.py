"""May the next remedy be applied now? Look, decide with a reason, and take the lease if it may."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, remedies
from nightshift.aws import auto_scaling, evidence, reaching
from nightshift.aws.incidents import Incidents
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.decisions import recorded
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Admission, Situation
from nightshift.entry import entry
from nightshift.fleet import Attempt, Lease, Reach
from nightshift.incident import Incident
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "admit_incident"
LIMITS = ("attempts", "attempts_window_seconds", "cooldown_seconds", "share_percent", "stale_seconds")


class Environment(Settings):
    """The tables, where large inputs are kept, and the bus on which a storm is told."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str
    bus_name: str


class Request(BaseModel):
    """Which incident asks."""

    incident_id: str


@entry(logger)
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
        (recorded.record("admission", situation, admission, version),),
    )
    storm = _weather(situation, admission) if admission.guard == "storm" else ""
    wait = admission.guard if admission.answer in ("wait", "delegate") else ""
    more = _remembered(situation, admission)
    if admission.answer == "allow" and admission.rung:
        _take_lease(incidents, incident, situation, admission, note)
    elif not wait or (incident.wait, incident.storm) != (wait, storm) or admission.storm or more:
        # A refusal keeps the storm: while it rages, the storm's page is the incident's page.
        storm = storm if wait else incident.storm
        incident = incidents.record(incident, now, note, *more, wait=wait, storm=storm)
    return _answer(incident, situation, admission)


def look(incident: Incident, now: datetime) -> tuple[str, Situation]:
    """Read everything that admission weighs, consistently; samples reach back over the longest duration."""
    version, policy = Stores.of(Environment).policies.current()
    node, groups = Stores.of(Environment).nodes.get(incident.node_id), Stores.of(Environment).groups
    known = policy.symptoms_of(incident.symptoms)
    healing = policy.healing_of(incident.group)
    back = max([healing.stale_seconds, *(symptom.for_seconds for symptom in known.values())])
    since, seen = now - clock.seconds(back + 60), Stores.of(Environment).inspections
    return version, Situation(
        now=now,
        incident=incident,
        node=node,
        group=groups.get(node.group) if node else None,
        pause=groups.pause(),
        symptoms=known,
        samples=evidence.samples(seen, known, incident.node_id, since, now) if node and known else {},
        healing=healing,
        capacity=auto_scaling.capacity(node.auto_scaling_group) if node else None,
        reach=reaching.look(node.node_id) if node else Reach(),
        replacing=frozenset(name for name in remedies.names() if remedies.load(name).STATE == "ReplaceNode"),
        risks={name: remedies.load(name).RISK for name in remedies.names()},
        maintenance=policy.maintenance,
        switched=bool(node and node.group in policy.groups and policy.groups[node.group].traffic),
    )


def _take_lease(
    incidents: Incidents, incident: Incident, situation: Situation, admission: Admission, note: Note
) -> None:
    groups, group, rung, now = Stores.of(Environment).groups, situation.group, admission.rung, situation.now
    if group is None or rung is None:
        raise AssertionError("the known_node guard admits no node without a group")
    expires_at = clock.iso(now + clock.seconds(situation.healing.lease_seconds))
    lease = Lease(incident_id=incident.incident_id, fence=group.fence + 1, expires_at=expires_at)
    begin = clock.iso(now - clock.seconds(situation.healing.attempts_window_seconds))
    this = Attempt(
        at=clock.iso(now), remedy=rung.remedy, symptom=admission.symptom, incident_id=incident.incident_id
    )
    attempts = {step: one for step, one in group.attempts.items() if one.at >= begin}
    attempts[f"{incident.incident_id}-{rung.remedy}"] = this
    taken = groups.take_lease(group, incident.node_id, lease, attempts, clock.iso(now))
    incidents.record(
        incident,
        now,
        note,
        taken,
        groups.not_paused(),
        fence=lease.fence,
        wait="",
        storm="",
        group=group.group,
    )


def _remembered(situation: Situation, admission: Admission) -> list[Write]:
    """What must be known from now on: that a release is guilty, that a person is told of flapping."""
    group, node = situation.group, situation.node
    if admission.answer == "delegate" and group and group.deployed and not group.deployed.rolled_back_by:
        return [Stores.of(Environment).turns.blame(group.group, group.deployed, admission.delegate_to)]
    if admission.guard == "flapping" and admission.page and node:
        told = node.flapped | {admission.symptom: clock.iso(situation.now)}
        return [Stores.of(Environment).nodes.change(node.node_id, flapped=told)]
    return []


def _weather(situation: Situation, admission: Admission) -> str:
    """Write down what the group's storm does; returns the id of the storm's own incident, if it rages."""
    if situation.group is None:
        raise AssertionError("there is no storm without a group")
    weather = Stores.of(Environment).weather
    return weather.note(situation.group, admission.storm, admission.reason, situation.now)


def _inputs(situation: Situation, admission: Admission) -> dict[str, object]:
    """The values that were compared, for ``nightshift why``."""
    held = {name: heard.held_since for name, heard in situation.incident.symptoms.items()}
    newest = {
        name: [f"{sample.at} {sample.value}" for sample in samples[-10:]]
        for name, samples in situation.samples.items()
    }
    return {
        "group": situation.incident.group,
        "guard": admission.guard,
        "level": admission.rung.level if admission.rung else 0,
        "remedy": admission.rung.remedy if admission.rung else "",
        "until": clock.iso(admission.until) if admission.until else "",
        "node": situation.node.state if situation.node else "unknown",
        "held_since": held,
        "newest_samples": newest,
        "attempts": len(situation.node.attempts) if situation.node else 0,
        "limits": situation.healing.model_dump(mode="json", include={*LIMITS}),
        "reach": situation.reach.reason,
        **_group(situation),
    }


def _group(situation: Situation) -> dict[str, object]:
    """The group's numbers: what the limits were compared with."""
    group, capacity = situation.group, situation.capacity
    return {
        "desired": capacity.desired if capacity else 0,
        "in_service": len(capacity.in_service) if capacity else 0,
        "troubled": len(group.troubled) if group else 0,
        "leases": {node: f"{one.incident_id} until {one.expires_at}" for node, one in group.leases.items()}
        if group
        else {},
        "storm": group.storm.incident_id if group and group.storm else "",
    }


def _seconds_left(until: datetime, now: datetime) -> int:
    """Whole seconds, rounded up: the machine must not wake before the time is over."""
    return max(1, math.ceil((until - now).total_seconds()))


def _answer(incident: Incident, situation: Situation, admission: Admission) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "incident_id": incident.incident_id,
        "reason": admission.reason,
        "outcome": "",
        "until": clock.iso(admission.until) if admission.until else "",
        "drain": False,
    }
    if admission.answer == "delegate" and situation.group and situation.group.deployed:
        undo = {"app": situation.group.app, "group": situation.group.group}
        undo |= {"undoes": situation.group.deployed.deployment_id, "deployment_id": admission.delegate_to}
        return {**answer, **undo, "next": "StartDeployment"}
    ended = admission.answer == "refuse"
    if ended and (admission.page or admission.known):
        return {**answer, "next": "Notify" if admission.page else "CloseIncident", "outcome": "escalated"}
    if ended:
        # What was decided about: a symptom that joins before the end is admitted, not closed away.
        return {**answer, "next": "CloseIncident", "outcome": "suppressed", "version": incident.version}
    if admission.rung is None:
        return {**answer, "next": "WaitUntil"} if admission.until else {**answer, "next": "VerifyHealth"}
    rung = {"level": admission.rung.level, "remedy": admission.rung.remedy, "symptom": admission.symptom}
    if admission.until:
        return {
            **answer,
            "next": "AskApproval",
            **rung,
            "seconds": _seconds_left(admission.until, situation.now),
        }
    remedy = remedies.load(admission.rung.remedy)
    return {**answer, "next": remedy.STATE, **rung, "drain": situation.switched and remedy.INTERRUPTS}
