"""Did the last remedy help? Judge by probe samples newer than the action, until the symptom stayed gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, remedies
from nightshift.aws import auto_scaling, evidence
from nightshift.aws.stores import Stores
from nightshift.decisions.health import Verdict, judge
from nightshift.errors import Permanent
from nightshift.incident import Incident, Level, Sample
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.settings import Settings

logger = Logger()
ACTOR = "verify_health"


class Environment(Settings):
    """The tables to read and the two to write."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    inspections_table: str


class Request(BaseModel):
    """Which incident is to be verified."""

    incident_id: str


@logger.inject_lambda_context
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
    known = {name: policy.symptoms[name] for name in incident.symptoms if name in policy.symptoms}
    seen = Stores.of(Environment).inspections
    samples = evidence.samples(seen, known, incident.node_id, clock.parse(acted_at), now)
    verdict = _with_capacity(
        judge(known, samples, acted_at, now, policy.healing_of(incident.group)), incident, level, now, policy
    )
    answer: dict[str, Any] = {
        "incident_id": incident_id,
        "reason": verdict.reason,
        "outcome": "",
        "until": "",
    }
    if verdict.state == "undecided":
        return {**answer, "next": "LookAgain", "until": clock.iso(verdict.until or now)}
    healed = verdict.state == "healthy"
    inputs = {
        "acted_at": acted_at,
        "newest_samples": _newest(samples),
        "policy": version,
        "node_id": incident.node_id,
    }
    note = Note("verification", ACTOR, verdict.state, verdict.reason, inputs)
    changed = incidents.record(incident, now, note, levels=_judged(incident, level, healed=healed, now=now))
    if healed:
        return {**answer, "next": "CloseIncident", "outcome": "healed", "version": changed.version}
    return {**answer, "next": "AdmitIncident"}


def _with_capacity(
    verdict: Verdict, incident: Incident, level: Level, now: datetime, policy: Policy
) -> Verdict:
    """After a replacement the group must also count as many nodes InService as it wants."""
    if verdict.state != "healthy" or remedies.load(level.remedy).STATE != "ReplaceNode":
        return verdict
    node = Stores.of(Environment).nodes.get(incident.node_id)
    if node is None:
        return Verdict("unhealthy", f"the successor {incident.node_id} is not in the inventory")
    view = auto_scaling.describe(node.auto_scaling_group)
    if incident.node_id in view.in_service and len(view.in_service) >= view.desired:
        return verdict
    reason = f"{len(view.in_service)} of {view.desired} nodes of {view.name} are InService"
    timeout = clock.parse(level.acted_at or level.started_at) + clock.seconds(
        policy.healing_of(incident.group).verify_timeout_seconds
    )
    if now >= timeout:
        return Verdict("unhealthy", reason)
    return Verdict("undecided", reason, now + clock.seconds(2))


def _judged(incident: Incident, level: Level, *, healed: bool, now: datetime) -> tuple[Level, ...]:
    seconds = round((now - clock.parse(level.started_at)).total_seconds())
    changed = level.model_copy(update={"outcome": "healed" if healed else "failed", "seconds": seconds})
    return (*incident.levels[:-1], changed)


def _newest(samples: dict[str, tuple[Sample, ...]]) -> dict[str, list[str]]:
    return {
        name: [f"{sample.at} {sample.value}" for sample in found[-10:]] for name, found in samples.items()
    }
