"""Ask a person whether a risky remedy may run, and let the machine wait for the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, pages
from nightshift.aws import secrets, tables
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.events import Instant
from nightshift.incident import Approval, Incident
from nightshift.journal import Note
from nightshift.links import Link
from nightshift.settings import Settings

logger = Logger()
ACTOR = "ask_approval"


class Environment(Settings):
    """The tables, the topic, and what links are made of."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    deliveries_table: str
    pages_topic_arn: str
    approval_secret: str
    approvals_url: str


class Request(BaseModel):
    """What would be done, why, until when an answer counts, and the token that waits for it."""

    incident_id: str
    level: int
    remedy: str
    symptom: str
    reason: str
    until: Instant
    token: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Ask once; a retried call only brings its new token and reaches the channels that miss the question."""
    request = envelopes.read(Request, event)
    sent = ask(request, clock.now())
    logger.info("asked", incident_id=request.incident_id, remedy=request.remedy, sent=sent)
    return {"incident_id": request.incident_id, "sent": sent}


def ask(request: Request, now: datetime) -> list[str]:
    """Record the question, give the node back meanwhile, and send it; returns the channels that took it.

    Raises Conflict when another writer was first, and the channel's error when no channel has the question.
    """
    stores = Stores.of(Environment)
    incident = stores.incidents.get(request.incident_id)
    if incident.approval and incident.approval.remedy == request.remedy:
        stores.approvals.wait_with(request.incident_id, request.remedy, request.token, now)
    else:
        incident = _record(stores, incident, request, now)
    asked = incident.approval
    if asked is None or asked.decision:
        return []
    node, link = stores.nodes.get(incident.node_id), _link(incident, asked)
    question = pages.ask(incident, asked, node, request.reason, link)
    sent = stores.pager.send(question, now, lambda _, delivery: tables.write(delivery))
    if sent.failures and not (sent.now or sent.before):
        raise sent.failures[0]
    return sent.now


def _link(incident: Incident, asked: Approval) -> str:
    settings = Environment.current()
    token = Link(incident.incident_id, asked.version).sign(secrets.read(settings.approval_secret))
    return f"{settings.approvals_url}/approvals/{token}"


def _record(stores: Stores, incident: Incident, request: Request, now: datetime) -> Incident:
    asked = Approval(
        remedy=request.remedy,
        level=request.level,
        requested_at=clock.iso(now),
        expires_at=request.until,
        version=incident.version + 1,
        reason=request.reason,
    )
    inputs = {"remedy": asked.remedy, "level": asked.level, "until": asked.expires_at}
    note = Note("approval", ACTOR, "requested", request.reason, inputs)
    return stores.approvals.ask(incident, asked, request.token, note, *_give_back(stores, incident))


def _give_back(stores: Stores, incident: Incident) -> list[Write]:
    """The node's lease, if the incident holds it; the incident stays among the group's ill ones."""
    group = stores.groups.get(incident.group) if incident.group else None
    leases = group.leases if group else {}
    held = [node for node, lease in leases.items() if lease.incident_id == incident.incident_id]
    return [
        stores.groups.give_back(incident.group, incident.incident_id, node_id=node_id) for node_id in held[:1]
    ]
