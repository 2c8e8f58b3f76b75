"""Take a person's answer: approve or deny what an incident or a deployment waits with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, StringConstraints, model_validator

from nightshift import approval_page, clock, envelopes, links
from nightshift.approvals import Decision, pending
from nightshift.aws import secrets
from nightshift.aws.stores import Stores
from nightshift.entry import entry
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
    deployments_table: str
    journal_table: str
    steps_table: str
    approval_secret: str


class Request(BaseModel):
    """Who decides what about which incident or deployment."""

    incident_id: str = ""
    deployment_id: str = ""
    decision: Literal["approve", "deny"]
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""

    @model_validator(mode="after")
    def _about_one(self) -> Self:
        if bool(self.incident_id) == bool(self.deployment_id):
            raise ValueError("either incident_id or deployment_id")
        return self

    @property
    def subject(self) -> dict[str, Any]:
        """Which of the two, by its name."""
        if self.deployment_id:
            return {"deployment_id": self.deployment_id}
        return {"incident_id": self.incident_id}


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Decide once, by a command or by a link; an answer that does not count says why, with a code."""
    if "requestContext" in event:
        return visit(envelopes.read(HttpRequest, event), clock.now())
    request = envelopes.read(Request, event)
    try:
        answer = decide(request, clock.now())
    except Refused as refused:
        answer = {"decided": False, "code": refused.code, "reason": refused.message}
    logger.info("answered", **request.subject, by=request.by, **answer)
    return {**request.subject, **answer}


def decide(request: Request, now: datetime, version: int | None = None) -> dict[str, Any]:
    """Record the decision and wake the machine, which asks every guard again.

    Raises Refused ``approval.*`` when the answer does not count.
    """
    decision = DECISIONS[request.decision]
    reason = f"{decision} by {request.by}" + (f": {request.why}" if request.why else "")
    note = Note("approval", ACTOR, decision, reason, {"by": request.by, "why": request.why})
    stores, asks = Stores.of(Environment), request.incident_id
    asked = (
        stores.approvals.decide(asks, decision, now, note, version).approval
        if asks
        else stores.release_approvals.decide(request.deployment_id, decision, now, note, version).approval
    )
    remedy = asked.remedy if asked else ""
    return {"decided": True, "decision": decision, "remedy": remedy, "reason": reason}


def visit(request: HttpRequest, now: datetime) -> dict[str, Any]:
    """Show the question that a link leads to, or take its answer. Only a POST ever changes anything."""
    try:
        link = links.read(request.path.get("token", ""), secrets.read(Environment.current().approval_secret))
        if request.context.http.method == "POST":
            return _decided(link, request, now)
        stores, asks = Stores.of(Environment), link.subject_id
        subject = stores.deployments.get(asks) if _deploys(asks) else stores.incidents.get(asks)
        asked = pending(subject, now, link.version)
    except Refused as refused:
        logger.info("a link that does not count", code=refused.code, reason=refused.message)
        title = "This link takes no answer"
        return approval_page.answer(
            STATUS.get(refused.code, 410), approval_page.message(title, refused.message)
        )
    return approval_page.answer(200, approval_page.question(subject, asked))


def _decided(link: Link, request: HttpRequest, now: datetime) -> dict[str, Any]:
    form = request.form()
    by = f"{form.get('by', '').strip()[:60] or 'somebody'} (link, {request.context.http.source_ip})"
    decision = form.get("decision", "")
    who = "deployment_id" if _deploys(link.subject_id) else "incident_id"
    answer = {who: link.subject_id, "decision": decision, "by": by, "why": form.get("why", "")[:500]}
    order = envelopes.read(Request, answer)
    told = decide(order, now, link.version)
    logger.info("answered", **order.subject, **told)
    return approval_page.answer(
        200, approval_page.message(f"{told['remedy']}: {told['decision']}", told["reason"])
    )


def _deploys(subject_id: str) -> bool:
    return subject_id.startswith("dep-")
