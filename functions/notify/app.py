"""Page a person about an incident, a deployment or a refused policy, once; and say when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import approvals, clock, command_page, deployment_page, envelopes, pages, policy_page
from nightshift.aws import tables
from nightshift.aws.outbox import Entry
from nightshift.aws.pager import Record, Sent
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.entry import entry
from nightshift.errors import Permanent, Refused
from nightshift.events import CommandCompleted, PolicyChanged
from nightshift.journal import Note
from nightshift.pages import Page
from nightshift.routing import GIVEN_UP
from nightshift.settings import Settings

logger = Logger()
ACTOR = "notify"
OVER = ("IncidentHealed", "IncidentResolved")


class Environment(Settings):
    """The tables, the topic, the channels' secrets, and where executions are looked at."""

    incidents_table: str
    deployments_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    deliveries_table: str
    pages_topic_arn: str
    notify_secrets: str
    local_channels: str
    executions_url: str


class Request(BaseModel):
    """Which incident, and why a person is asked; or why it is over."""

    incident_id: str
    reason: str


class Deployed(BaseModel):
    """Which deployment began or has ended."""

    deployment_id: str


class Unsent(BaseModel):
    """Which stored page somebody misses still."""

    page: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Page by the machine's word, by ``IncidentEscalated`` when the machine itself died, or once more."""
    now, name = clock.now(), str(event.get("detail-type", ""))
    if "page" in event:
        unsent = envelopes.read(Unsent, event)
        return {"page": unsent.page, "sent": resend(unsent.page, now)}
    if name and not name.startswith("Incident"):
        return _other(name, event, now)
    request = envelopes.detail(Request, event) if name else envelopes.read(Request, event)
    if name in OVER:
        return {"incident_id": request.incident_id, "sent": settle(request, now)}
    if name and _is_known(request):
        logger.info("a person denied the remedy and knows", incident_id=request.incident_id)
        return {"incident_id": request.incident_id, "sent": []}
    sent = page(request, now)
    logger.info("page", incident_id=request.incident_id, sent=sent)
    return {"incident_id": request.incident_id, "sent": sent}


def _other(name: str, event: dict[str, Any], now: datetime) -> dict[str, Any]:
    """What is about no incident: a deployment, a policy, a command."""
    if name == PolicyChanged.__name__:
        change = envelopes.detail(PolicyChanged, event)
        return {"policy_version": change.policy_version, "sent": warn(change, now)}
    if name == CommandCompleted.__name__:
        command = envelopes.detail(CommandCompleted, event)
        return {"command_id": command.command_id, "sent": alert(command, now)}
    told = envelopes.detail(Deployed, event)
    return {"deployment_id": told.deployment_id, "sent": tell(told.deployment_id, name, now)}


def page(request: Request, now: datetime) -> list[str]:
    """Send the page to every channel that has not had it; a dead one never holds up the others.

    Raises a channel's error after all were tried, so that a retry sends what is missing.
    """
    stores = Stores.of(Environment)
    incident = stores.incidents.get(request.incident_id)
    _, policy = stores.policies.current()
    symptom = policy.symptoms.get(incident.symptom)
    text = pages.compose(
        incident,
        stores.nodes.get(incident.node_id),
        request.reason,
        symptom.severity if symptom else "critical",
    )
    text = replace(text, link=f"{Environment.current().executions_url}-heal:{incident.incident_id}")
    return _raised(
        stores.pager.send(
            text, incident.incident_id, now, _record(text, incident.incident_id, request.reason, now)
        )
    )


def tell(deployment_id: str, happened: str, now: datetime) -> list[str]:
    """Send what a person must hear of what happened to a deployment, as ``page`` does; usually nothing."""
    stores = Stores.of(Environment)
    deployment = stores.deployments.get(deployment_id)
    if deployment.approval:
        asked = pages.question(deployment_id, deployment.approval.remedy)
        stores.pager.over(asked, deployment.reason, now, lambda _, delivery: tables.write(delivery))
    _, policy = stores.policies.current()
    app = policy.apps.get(deployment.app)
    if not deployment_page.concerns(deployment, happened, app.announce if app else ()):
        return []
    undone = stores.deployments.find(deployment.undoes) if deployment.undoes else None
    text = deployment_page.compose(deployment, undone)
    text = replace(text, link=f"{Environment.current().executions_url}-deploy:{deployment_id}")
    return _raised(
        stores.pager.send(text, deployment_id, now, _record(text, deployment_id, deployment.reason, now))
    )


def warn(change: PolicyChanged, now: datetime) -> list[str]:
    """Say that a policy was refused, as ``page`` does: once for each refusal."""
    stores = Stores.of(Environment)
    text = policy_page.compose(change, stores.policies.version())
    record = _record(text, change.policy_version, change.reason, now)
    return _raised(stores.pager.send(text, change.policy_version, now, record))


def alert(command: CommandCompleted, now: datetime) -> list[str]:
    """Say that nodes of a command need a person, as ``page`` does: once for the whole command."""
    stores, text = Stores.of(Environment), command_page.compose(command)
    text = replace(text, link=f"{Environment.current().executions_url}-run:{command.command_id}")
    record = _record(text, command.command_id, command.reason, now)
    return _raised(stores.pager.send(text, command.command_id, now, record))


def resend(key: str, now: datetime) -> list[str]:
    """Try a stored page again; a channel that still fails is no error, since the page is due again later.

    Raises Permanent ``page.undelivered`` when the page is given up.
    """
    stores = Stores.of(Environment)
    entry = stores.outbox.find(key)
    if entry is None or entry.due_at is None or clock.parse(entry.due_at) > now:
        return []
    if _is_needless(entry, now):
        stores.outbox.settle(key, entry.failures)
        return []
    sent = stores.pager.resend(entry, now, _record(entry.page, entry.about, "once more", now))
    if sent.failure and now > clock.parse(entry.created_at) + GIVEN_UP:
        stores.outbox.settle(key, entry.failures)
        raise Permanent("page.undelivered", f"{key} was given up: {sent.failure}")
    return sent.now


def settle(request: Request, now: datetime) -> list[str]:
    """Tell those who were paged, or asked, that it is over; a storm's members share its page."""
    stores = Stores.of(Environment)
    incident = stores.incidents.get(request.incident_id)
    keys = [incident.incident_id]
    if incident.approval:
        keys.append(pages.question(incident.incident_id, incident.approval.remedy))
    told = []
    for key in keys:
        told += stores.pager.over(key, request.reason, now, _over(incident.incident_id, request.reason, now))
    return told


def _raised(sent: Sent) -> list[str]:
    if sent.failure:
        raise sent.failure
    return sent.now


def _record(text: Page, about: str, reason: str, now: datetime) -> Record:
    """What remembers a delivery, in the transaction that says so in the journal."""
    stores = Stores.of(Environment)

    def record(channel: str, delivery: Write) -> None:
        note = Note("page", ACTOR, "sent", f"paged by {channel}: {reason}", {"title": text.title})
        if text.kind == "deployment":
            stores.deployments.amend(about, now, lambda _: (note, {}), delivery)
        elif text.kind == "incident":
            stores.incidents.amend(about, now, lambda _: (note, {}), delivery)
        else:
            tables.write(delivery)

    return record


def _over(incident_id: str, reason: str, now: datetime) -> Record:
    stores = Stores.of(Environment)

    def record(channel: str, delivery: Write) -> None:
        if not channel:
            tables.write(delivery)
            return
        note = Note("page", ACTOR, "over", f"{channel} was told that it is over: {reason}", {})
        stores.incidents.amend(incident_id, now, lambda _: (note, {}), delivery)

    return record


def _is_needless(entry: Entry, now: datetime) -> bool:
    """Whether nobody needs the page any more: its time is over, or the question was answered."""
    if entry.until and clock.parse(entry.until) <= now:
        return True
    if entry.page.kind != "approval":
        return False
    stores = Stores.of(Environment)
    subject = stores.incidents.find(entry.about) or stores.deployments.find(entry.about)
    if subject is None:
        return True
    try:
        approvals.pending(subject, now)
    except Refused:
        return True
    return False


def _is_known(request: Request) -> bool:
    """Whether a person ended the incident by a denial: telling them again is noise."""
    approval = Stores.of(Environment).incidents.get(request.incident_id).approval
    return approval is not None and approval.decision == "denied"
