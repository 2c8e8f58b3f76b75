"""Take a person's answer: approve or deny the remedy that an incident waits with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, StringConstraints

from nightshift import approval_page, clock, envelopes, links
from nightshift.approvals import Decision, pending
from nightshift.aws import secrets
from nightshift.aws.stores import Stores
from nightshift.envelopes import HttpRequest
from nightshift.errors import Refused
from nightshift.journal import Note
from nightshift.links import Link
from nightshift.settings import Settings

logger = Logger()
ACTOR = "answer_approval"
DECISIONS: dict[str, Decision] = {"approve": "approved", "deny": "denied"}
#: What a link's holder is told by HTTP; every other refusal means that the question is gone.
STATUS = {"link.forged": 403, "approval.decided": 409, "event.unknown_shape": 400}


class Environment(Settings):
    """The tables, and what links are signed with."""

    incidents_table: str
    journal_table: str
    steps_table: str
    approval_secret: str


class Request(BaseModel):
    """Who decides what about which incident."""

    incident_id: str
    decision: Literal["approve", "deny"]
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Decide once, by a command or by a link; an answer that does not count says why, with a code."""
    if "requestContext" in event:
        return visit(envelopes.read(HttpRequest, event), clock.now())
    request = envelopes.read(Request, event)
    try:
        answer = decide(request, clock.now())
    except Refused as refused:
        answer = {"decided": False, "code": refused.code, "reason": refused.message}
    logger.info("answered", incident_id=request.incident_id, by=request.by, **answer)
    return {"incident_id": request.incident_id, **answer}


def decide(request: Request, now: datetime, version: int | None = None) -> dict[str, Any]:
    """Record the decision and wake the machine, which asks every guard again.

    Raises Refused ``approval.*`` when the answer does not count.
    """
    decision = DECISIONS[request.decision]
    reason = f"{decision} by {request.by}" + (f": {request.why}" if request.why else "")
    note = Note("approval", ACTOR, decision, reason, {"by": request.by, "why": request.why})
    incident = Stores.of(Environment).approvals.decide(request.incident_id, decision, now, note, version)
    remedy = incident.approval.remedy if incident.approval else ""
    return {"decided": True, "decision": decision, "remedy": remedy, "reason": reason}


def visit(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Show the question that a link leads to, or take its answer. Only a POST ever changes anything."""
    try:
        link = links.read(request.path.get("token", ""), secrets.read(Environment.current().approval_secret))
        if request.context.http.method == "POST":
            return _decided(link, request, now)
        incident = Stores.of(Environment).incidents.get(link.incident_id)
        asked = pending(incident, now, link.version)
    except Refused as refused:
        logger.info("a link that does not count", code=refused.code, reason=refused.message)
        title = "This link takes no answer"
        return approval_page.answer(
            STATUS.get(refused.code, 410), approval_page.message(title, refused.message)
        )
    return approval_page.answer(200, approval_page.question(incident, asked))


def _decided(link: Link, request: HttpRequest, now: datetime) -> dict[str, Any]:
    form = request.form()
    by = f"{form.get('by', '').strip()[:60] or 'somebody'} (link, {request.context.http.source_ip})"
    decision = form.get("decision", "")
    order = envelopes.read(Request, {"incident_id": link.incident_id, "decision": decision, "by": by})
    told = decide(order, now, link.version)
    logger.info("answered", incident_id=link.incident_id, **told)
    return approval_page.answer(
        200, approval_page.message(f"{told['remedy']}: {told['decision']}", told["reason"])
    )
