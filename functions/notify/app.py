"""Page a person about an incident or a deployment, once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, deployment_page, envelopes, pages
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The tables and the topic."""

    incidents_table: str
    deployments_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    deliveries_table: str
    pages_topic_arn: str


class Request(BaseModel):
    """Which incident, and why a person is asked."""

    incident_id: str
    reason: str


class Deployed(BaseModel):
    """Which deployment has ended."""

    deployment_id: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Page by the machine's word, or by ``IncidentEscalated`` when the machine itself died."""
    own = "detail-type" in event
    if own and str(event["detail-type"]).startswith("Deployment"):
        told = envelopes.detail(Deployed, event)
        return {"deployment_id": told.deployment_id, "sent": tell(told.deployment_id, clock.now())}
    request = envelopes.detail(Request, event) if own else envelopes.read(Request, event)
    if own and _is_known(request):
        logger.info("a person denied the remedy and knows", incident_id=request.incident_id)
        return {"incident_id": request.incident_id, "sent": []}
    sent = page(request, clock.now())
    logger.info("page", incident_id=request.incident_id, sent=sent)
    return {"incident_id": request.incident_id, "sent": sent}


def page(request: Request, now: datetime) -> list[str]:
    """Send the page to every channel that has not had it; SNS first, a dead webhook never holds it up.

    Raises the first channel's error after all were tried, so that a retry sends what is missing.
    """
    stores = Stores.of(Environment)
    incidents = stores.incidents
    incident = incidents.get(request.incident_id)
    text = pages.compose(incident, stores.nodes.get(incident.node_id), request.reason)

    def record(channel: str, delivery: Write) -> None:
        reason = f"paged by {channel}: {request.reason}"
        note = Note("page", "notify", "sent", reason, {"title": text.title})
        incidents.amend(request.incident_id, now, lambda _: (note, {}), delivery)

    sent = stores.pager.send(text, now, record)
    if sent.failures:
        raise sent.failures[0]
    return sent.now


def tell(deployment_id: str, now: datetime) -> list[str]:
    """Send what a person must hear of a deployment's end, as ``page`` does; usually nothing."""
    stores = Stores.of(Environment)
    deployments = stores.deployments
    deployment = deployments.get(deployment_id)
    if not deployment_page.concerns(deployment):
        return []
    text = deployment_page.compose(deployment)

    def record(channel: str, delivery: Write) -> None:
        note = Note(
            "page", "notify", "sent", f"told by {channel}: {deployment.reason}", {"title": text.title}
        )
        deployments.amend(deployment_id, now, lambda _: (note, {}), delivery)

    sent = stores.pager.send(text, now, record)
    if sent.failures:
        raise sent.failures[0]
    return sent.now


def _is_known(request: Request) -> bool:
    """Whether a person ended the incident by a denial: telling them again is noise."""
    approval = Stores.of(Environment).incidents.get(request.incident_id).approval
    return approval is not None and approval.decision == "denied"
