"""Page a person about an incident, once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, pages
from nightshift.aws import channels
from nightshift.aws.stores import Stores
from nightshift.errors import NightshiftError
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
KEPT = timedelta(days=90)


class Environment(Settings):
    """The tables and the topic."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    deliveries_table: str
    pages_topic_arn: str


class Request(BaseModel):
    """Which incident, and why a person is asked."""

    incident_id: str
    reason: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Page by the machine's word, or by ``IncidentEscalated`` when the machine itself died."""
    own = "detail-type" in event
    request = envelopes.detail(Request, event) if own else envelopes.read(Request, event)
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
    deliveries, sent, failures = stores.deliveries, [], []
    for channel, deliver in _channels(text).items():
        if deliveries.done(text.key, channel):
            continue
        try:
            deliver()
        except NightshiftError as error:
            logger.warning(
                "a channel did not take the page", channel=channel, code=error.code, reason=error.message
            )
            failures.append(error)
            continue
        deliveries.remember(text.key, channel, clock.iso(now), int((now + KEPT).timestamp()))
        sent.append(channel)
    if sent:
        note = Note(
            "page", "notify", "sent", f"paged by {', '.join(sent)}: {request.reason}", {"title": text.title}
        )
        incidents.amend(request.incident_id, now, lambda _: (note, {}))
    if failures:
        raise failures[0]
    return sent


def _channels(text: pages.Page) -> dict[str, Callable[[], None]]:
    """Every channel by a name that gives no secret away: webhooks are numbered, since a URL may be one."""
    _, policy = Stores.of(Environment).policies.current()
    found: dict[str, Callable[[], None]] = {
        "sns": lambda: channels.publish(Environment.current().pages_topic_arn, text.title, text.body)
    }
    for number, url in enumerate(policy.notify.webhooks, start=1):
        found[f"webhook-{number}"] = lambda url=url: channels.post(str(url), text.payload())  # type: ignore[misc]
    return found
