"""Ask a person whether a risky remedy may run or a release be deployed; the machine waits for the answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, deployment_page, envelopes, pages
from nightshift.aws import secrets, tables
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.entry import entry
from nightshift.events import Instant
from nightshift.incident import Approval, Incident, Step
from nightshift.journal import Note
from nightshift.links import Link
from nightshift.pages import Page
from nightshift.settings import Settings

logger = Logger()
ACTOR = "ask_approval"


class Environment(Settings):
    """The tables, the topic, and what links are made of."""

    incidents_table: str
    deployments_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    deliveries_table: str
    pages_topic_arn: str
    notify_secrets: str
    local_channels: str
    approval_secret: str
    approvals_url: str


class Request(BaseModel):
    """What would be done, why, until when an answer counts, and the token that waits for it.

    Either an incident asks about a remedy, or a deployment about its release (``remedy`` is its version).
    """

    incident_id: str = ""
    deployment_id: str = ""
    level: int = 0
    remedy: str
    reason: str
    until: Instant
    token: str

    def asked(self, version: int, now: datetime) -> Approval:
        """The question, of a subject that has ``version`` now."""
        return Approval(
            remedy=self.remedy,
            level=self.level,
            requested_at=clock.iso(now),
            expires_at=self.until,
            version=version + 1,
            reason=self.reason,
        )

    def note(self) -> Note:
        """What the journal says of it."""
        inputs = {"remedy": self.remedy, "level": self.level, "until": self.until}
        return Note("approval", ACTOR, "requested", self.reason, inputs)

    def step(self, node_id: str, fence: int, now: datetime) -> Step:
        """What waits for the answer."""
        return Step(
            step_id=Approval.step_of(self.incident_id or self.deployment_id, self.remedy),
            incident_id=self.incident_id,
            deployment_id=self.deployment_id,
            node_id=node_id,
            remedy=self.remedy,
            fence=fence,
            token=self.token,
            intended_at=clock.iso(now),
        )


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Ask once; a retried call only brings its new token and reaches the channels that miss the question."""
    request, now = envelopes.read(Request, event), clock.now()
    stores = Stores.of(Environment)
    page = (
        _of_deployment(stores, request, now) if request.deployment_id else _of_incident(stores, request, now)
    )
    sent = _send(stores, page, request, now) if page else []
    subject: dict[str, Any] = {"incident_id": request.incident_id, "deployment_id": request.deployment_id}
    logger.info("asked", **subject, remedy=request.remedy, sent=sent)
    return {**subject, "sent": sent}


def _of_incident(stores: Stores, request: Request, now: datetime) -> Page | None:
    """Record the question and give the node back meanwhile; None when it is answered already."""
    incident = stores.incidents.get(request.incident_id)
    if incident.approval and incident.approval.remedy == request.remedy:
        stores.approvals.wait_with(incident.id, request.remedy, request.token, now)
    else:
        step = request.step(incident.node_id, incident.fence, now)
        question, given = request.asked(incident.version, now), _give_back(stores, incident)
        incident = stores.approvals.ask(incident, question, step, request.note(), *given, wait="approval")
    asked = incident.approval
    if asked is None or asked.decision:
        return None
    node = stores.nodes.get(incident.node_id)
    return pages.ask(incident, asked, node, request.reason, _link(incident.id, asked))


def _of_deployment(stores: Stores, request: Request, now: datetime) -> Page | None:
    """The same for a deployment, which holds nothing yet that could be given back."""
    deployment = stores.deployments.get(request.deployment_id)
    if deployment.approval and deployment.approval.remedy == request.remedy:
        stores.release_approvals.wait_with(deployment.id, request.remedy, request.token, now)
    else:
        step, question = request.step("", deployment.fence, now), request.asked(deployment.version, now)
        deployment = stores.release_approvals.ask(deployment, question, step, request.note())
    asked = deployment.approval
    if asked is None or asked.decision:
        return None
    return deployment_page.ask(deployment, asked, _link(deployment.id, asked))


def _send(stores: Stores, question: Page, request: Request, now: datetime) -> list[str]:
    """The channels that took it; raises the channel's error when no channel has the question."""
    about = request.incident_id or request.deployment_id
    sent = stores.pager.send(question, about, now, lambda _, delivery: tables.write(delivery), request.until)
    if sent.failure and not (sent.now or sent.before):
        raise sent.failure
    return sent.now


def _link(subject_id: str, asked: Approval) -> str:
    settings = Environment.current()
    token = Link(subject_id, asked.version).sign(secrets.read(settings.approval_secret))
    return f"{settings.approvals_url}/approvals/{token}"


def _give_back(stores: Stores, incident: Incident) -> list[Write]:
    """The node's lease, if the incident holds it; the incident stays among the group's ill ones."""
    group = stores.groups.get(incident.group) if incident.group else None
    leases = group.leases if group else {}
    held = [node for node, lease in leases.items() if lease.incident_id == incident.incident_id]
    return [
        stores.groups.give_back(incident.group, incident.incident_id, node_id=node_id) for node_id in held[:1]
    ]
