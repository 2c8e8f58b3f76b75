"""Take a person's answer: approve or deny the remedy that an incident waits with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, StringConstraints

from nightshift import clock, envelopes
from nightshift.approvals import Decision
from nightshift.aws.stores import Stores
from nightshift.errors import Refused
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "answer_approval"
DECISIONS: dict[str, Decision] = {"approve": "approved", "deny": "denied"}


class Environment(Settings):
    """The tables."""

    incidents_table: str
    journal_table: str
    steps_table: str


class Request(BaseModel):
    """Who decides what about which incident."""

    incident_id: str
    decision: Literal["approve", "deny"]
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Decide once; an answer that does not count says why, with a code."""
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
