"""Send requests to the group that a blue-green deployment has made ready: intent, then the switch."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes
from nightshift.aws.stores import Stores
from nightshift.deployment import Deployment
from nightshift.entry import entry
from nightshift.errors import Conflict, Refused
from nightshift.front import Crossing
from nightshift.journal import Note
from nightshift.settings import Settings

logger = Logger()
ACTOR = "switch_front"


class Environment(Settings):
    """The tables: how far it is, why, and whether everything is paused."""

    deployments_table: str
    journal_table: str
    groups_table: str


class Request(BaseModel):
    """Which deployment crosses its front."""

    deployment_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state: look again, or close when the front is not where it was."""
    request, now = envelopes.read(Request, event), clock.now()
    deployment = Stores.of(Environment).deployments.get(request.deployment_id)
    if deployment.crossing is None or deployment.is_over:
        raise Refused("deployment.not_planned", f"{request.deployment_id} has no front to cross")
    following, outcome = "LookAgain", ""
    try:
        reason = switch(deployment, deployment.crossing, now)
    except Conflict as lost:
        reason = f"waits: {lost.message}"
    except Refused as error:
        following, outcome, reason = "CloseDeployment", "Failed", error.message
    logger.info("front", deployment_id=request.deployment_id, next=following, reason=reason)
    answer = {"deployment_id": request.deployment_id, "next": following, "outcome": outcome}
    trigger = "DEPLOYMENT_FAILURE" if outcome else ""
    return {**answer, "reason": reason, "until": clock.iso(clock.now()), "trigger": trigger}


def switch(deployment: Deployment, crossing: Crossing, now: datetime) -> str:
    """What was done. Each part may run twice: the front is read before it is switched.

    Raises Refused when it cannot be read, or sends requests elsewhere than where they were at the plan.
    """
    if crossing.switched_at or deployment.stop_requested:
        return f"nothing is switched: {deployment.stop_requested or 'it was already'}"
    to = deployment.group
    serving = crossing.front.serving()
    if crossing.intended_at is None:
        if serving != crossing.serving:
            moved = f"requests go to {serving} since the plan, not to {crossing.serving}"
            raise Refused("front.moved", f"{moved}: somebody else has switched {crossing.front.address}")
        crossing = crossing.model_copy(update={"intended_at": clock.iso(now)})
        deployment = _note(
            deployment, now, Note("intent", ACTOR, "switch", f"requests go to {to}"), crossing, paused=True
        )
    if serving != to:
        crossing.front.switch(to)
    crossing = crossing.model_copy(update={"switched_at": clock.iso(clock.now())})
    reason = f"requests go to {to} now, no more to {crossing.serving}"
    try:
        _note(deployment, now, Note("result", ACTOR, "switched", reason), crossing)
    except Conflict:
        _not_after_its_end(deployment.deployment_id)
        raise
    return reason


def _not_after_its_end(deployment_id: str) -> None:
    """Whoever closed it meanwhile may have read the front before it was switched: requests go back."""
    crossing = Stores.of(Environment).deployments.get(deployment_id).crossing
    if crossing and crossing.back_at:
        crossing.front.switch(crossing.serving)


def _note(
    deployment: Deployment, now: datetime, note: Note, crossing: Crossing, *, paused: bool = False
) -> Deployment:
    stores = Stores.of(Environment)
    held = [stores.groups.not_paused()] if paused else []
    return stores.deployments.record(deployment, now, note, *held, crossing=crossing)
