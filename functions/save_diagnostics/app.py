"""Look at a node that is about to be replaced; whatever comes of it, the replacement goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes
from nightshift.aws import commands, tables
from nightshift.aws.commands import Invocation
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import NightshiftError, Refused
from nightshift.incident import DIAGNOSE, Step
from nightshift.settings import Settings

logger = Logger()
ACTOR = "save_diagnostics"
DOCUMENT = "Nightshift-Diagnose"


class Environment(Settings):
    """The tables, and where diagnostics are kept."""

    incidents_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    steps_table: str
    artifacts_bucket: str


class Request(BaseModel):
    """Which incident, and the token that waits for the look at its node."""

    incident_id: str
    token: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Send the document that only reads; ``resume_step`` saves what it prints and answers the token."""
    request = envelopes.read(Request, event)
    step = look(request, clock.now())
    return {"step_id": step.step_id}


def look(request: Request, now: datetime) -> Step:
    """Once per incident. A node that cannot be looked at answers the token at once, with the reason."""
    stores = Stores.of(Environment)
    diagnostics = stores.diagnostics(ACTOR)
    step = _step(request, now)
    if step.answered:
        diagnostics.conclude(step, Invocation(succeeded=False, status="Known", output=""), now)
        return step
    try:
        command_id = commands.send(DOCUMENT, step.node_id, _parameters(step), f"nightshift {step.step_id}")
    except NightshiftError as error:
        logger.warning("the node cannot be looked at", code=error.code, reason=error.message)
        diagnostics.conclude(step, Invocation.not_begun(error), now)
        return step
    if stores.steps.sent(command_id, step.step_id, step.node_id, now).complete:
        diagnostics.conclude(step, commands.invocation(command_id, step.node_id), clock.now())
    return step


def _step(request: Request, now: datetime) -> Step:
    """The look as a step; one that is known only gets the token that waits now."""
    steps = Stores.of(Environment).steps
    incident = Stores.of(Environment).incidents.get(request.incident_id)
    step = Step(
        step_id=f"{incident.incident_id}-{DIAGNOSE}",
        incident_id=incident.incident_id,
        node_id=incident.node_id,
        remedy=DIAGNOSE,
        fence=incident.fence,
        token=request.token,
        intended_at=clock.iso(now),
    )
    known = steps.get(step.step_id)
    if known is None:
        tables.transact([steps.intend(step, now)])
        return step
    steps.await_with(step.step_id, request.token)
    return known.model_copy(update={"token": request.token})


def _parameters(step: Step) -> dict[str, str]:
    _, policy = Stores.of(Environment).policies.current()
    node = Stores.of(Environment).nodes.get(step.node_id)
    if node is None or node.group not in policy.groups:
        raise Refused("node.unknown", f"{step.node_id} belongs to no group of the policy")
    service = policy.groups[node.group].service
    return {"Service": service, "StepId": step.step_id, "Fence": str(step.fence)}
