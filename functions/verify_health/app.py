"""Did the last remedy help? Judge by probe samples newer than the action, until the symptom stayed gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, remedies, traffic
from nightshift.aws import auto_scaling, evidence, functions
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.decisions import closer_look, recorded
from nightshift.decisions.verification import Aftermath, Replacement
from nightshift.decisions.verification import verify as judge
from nightshift.entry import entry
from nightshift.errors import Permanent
from nightshift.incident import Incident, Level, Sample
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.ports import Traffic
from nightshift.settings import Settings

logger = Logger()
ACTOR = "verify_health"


class Environment(Settings):
    """The tables to read and the two to write, where large inputs are kept, and who looks at nodes."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str
    inspect_fleet_function: str


class Request(BaseModel):
    """Which incident is to be verified."""

    incident_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state: look again, next level, or close as healed."""
    request = envelopes.read(Request, event)
    answer = verify(request.incident_id, clock.now())
    logger.info("verification", **answer)
    return answer


def verify(incident_id: str, now: datetime) -> dict[str, Any]:
    """Judge the incident's last level over every symptom that has joined."""
    incidents = Stores.of(Environment).incidents
    incident = incidents.get(incident_id)
    level = incident.current
    if level is None:
        raise Permanent("incident.untouched", f"{incident_id} has no action to verify")
    acted_at = level.acted_at or level.started_at
    version, policy = Stores.of(Environment).policies.current()
    aftermath = look(incident, level, policy, now)
    verdict, back = judge(aftermath), list[Write]()
    if verdict.state == "healthy" and (switch := _taken_out(incident, policy)):
        # Only a node that is well goes back to where requests are sent to it.
        aftermath = replace(aftermath, in_traffic=not switch.join([incident.node_id]))
        verdict = judge(aftermath)
        back = [Stores.of(Environment).groups.serve(incident.group, [incident.node_id])]
    answer: dict[str, Any] = {
        "incident_id": incident_id,
        "reason": verdict.reason,
        "outcome": "",
        "until": "",
    }
    if verdict.state == "undecided":
        _look_closer(incident, aftermath, policy)
        return {**answer, "next": "LookAgain", "until": clock.iso(verdict.until or now)}
    healed = verdict.state == "healthy"
    inputs = {
        "acted_at": acted_at,
        "newest_samples": _newest(aftermath.samples),
        "policy": version,
        "node_id": incident.node_id,
    }
    decided = recorded.record("verification", aftermath, verdict, version)
    note = Note("verification", ACTOR, verdict.state, verdict.reason, inputs, (decided,))
    more = back if healed else []
    levels = _judged(incident, level, healed=healed, now=now)
    changed = incidents.record(incident, now, note, *more, levels=levels)
    if healed:
        return {**answer, "next": "CloseIncident", "outcome": "healed", "version": changed.version}
    return {**answer, "next": "AdmitIncident"}


def look(incident: Incident, level: Level, policy: Policy, now: datetime) -> Aftermath:
    """What is known after the level's action; of a replacement also how its group stands."""
    acted_at = level.acted_at or level.started_at
    known = policy.symptoms_of(incident.symptoms)
    seen = Stores.of(Environment).inspections
    replaced = remedies.load(level.remedy).STATE == "ReplaceNode"
    return Aftermath(
        now=now,
        acted_at=acted_at,
        symptoms=known,
        samples=evidence.samples(seen, known, incident.node_id, clock.parse(acted_at), now),
        healing=policy.healing_of(incident.group),
        replacement=_replacement(incident) if replaced else None,
    )


def _look_closer(incident: Incident, aftermath: Aftermath, policy: Policy) -> None:
    """Have the node probed where only a pass would show how it is. Nobody waits for it here."""
    why = closer_look.due(aftermath, policy.inspection)
    if not why:
        return
    look = f"{incident.incident_id} {clock.iso(aftermath.now)}"
    order = {"id": look, "by": ACTOR, "only": [incident.node_id]}
    functions.hand(Environment.current().inspect_fleet_function, order)
    logger.info("a closer look", incident_id=incident.incident_id, node_id=incident.node_id, reason=why)


def _taken_out(incident: Incident, policy: Policy) -> Traffic | None:
    """What gives the node requests again; None when Nightshift did not take them from it."""
    settings = policy.groups.get(incident.group)
    group = Stores.of(Environment).groups.get(incident.group) if settings and settings.traffic else None
    return traffic.of(settings) if settings and group and incident.node_id in group.drained else None


def _replacement(incident: Incident) -> Replacement:
    node = Stores.of(Environment).nodes.get(incident.node_id)
    if node is None:
        return Replacement(incident.node_id, known=False)
    group = node.auto_scaling_group
    return Replacement(
        incident.node_id, known=True, auto_scaling_group=group, capacity=auto_scaling.capacity(group)
    )


def _judged(incident: Incident, level: Level, *, healed: bool, now: datetime) -> tuple[Level, ...]:
    seconds = round((now - clock.parse(level.started_at)).total_seconds())
    changed = level.model_copy(update={"outcome": "healed" if healed else "failed", "seconds": seconds})
    return (*incident.levels[:-1], changed)


def _newest(samples: Mapping[str, Sequence[Sample]]) -> dict[str, list[str]]:
    return {
        name: [f"{sample.at} {sample.value}" for sample in found[-10:]] for name, found in samples.items()
    }
