"""End a deployment: give everything back, say how the release fared, and begin its rollback if it must."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, deployment_events, envelopes, targets
from nightshift.aws import executions
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.decisions import ending, recorded
from nightshift.decisions.ending import Outcome
from nightshift.decisions.recorded import Undoing
from nightshift.decisions.rollback import Way, way_back
from nightshift.deployment import Deployment
from nightshift.entry import entry
from nightshift.envelopes import ExecutionEnded
from nightshift.errors import Refused
from nightshift.fleet import Deployed, GroupState
from nightshift.front import Crossing
from nightshift.journal import Note
from nightshift.releases import Standing
from nightshift.settings import Settings
from nightshift.strategy import Trigger

logger = Logger()
ACTOR = "close_deployment"


class Environment(Settings):
    """The tables, the bus, the machine that a rollback is started on, and where large inputs are kept."""

    bus_name: str
    deployments_table: str
    journal_table: str
    groups_table: str
    nodes_table: str
    releases_table: str
    policies_table: str
    deploy_state_machine_arn: str
    artifacts_bucket: str


class Request(BaseModel):
    """How the machine wants a deployment closed."""

    deployment_id: str
    outcome: Outcome
    reason: str
    trigger: Trigger | Literal[""] = ""
    roll_back: bool = False


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Close by the machine's word, or by a dead machine's status event, which undoes what was touched."""
    if event.get("source") == "aws.states":
        ended = envelopes.read(ExecutionEnded, event).detail
        request = Request(
            deployment_id=ended.name,
            outcome="Failed",
            reason=ended.reason,
            roll_back=True,
            trigger="DEPLOYMENT_FAILURE",
        )
    else:
        request = envelopes.read(Request, event)
    closed = close(request, clock.now())
    logger.info("closed", deployment_id=closed.deployment_id, state=closed.state, reason=closed.reason)
    return {"deployment_id": closed.deployment_id, "state": closed.state, "undone_by": closed.undone_by}


def close(request: Request, now: datetime) -> Deployment:
    """Close once; a repeated call only starts and publishes again, which is known by its name."""
    stores = Stores.of(Environment)
    deployment = stores.deployments.get(request.deployment_id)
    if not deployment.is_over:
        if deployment.crossing:
            deployment, request = _settled(deployment, deployment.crossing, request, now)
        deployment = _end(deployment, request, now)
    if deployment.undone_by:
        payload = {"deployment_id": deployment.undone_by}
        executions.start(Environment.current().deploy_state_machine_arn, deployment.undone_by, payload)
    stores.bus.publish(deployment_events.ended(deployment))
    return deployment


def _settled(
    deployment: Deployment, crossing: Crossing, request: Request, now: datetime
) -> tuple[Deployment, Request]:
    """Whether requests are where the end says; back where they were, when it failed after they were switched.

    That may run twice, and is the whole way back: the group that they came from was never touched. A front
    that somebody else has switched meanwhile is left alone, and never counts as a success.
    """
    if crossing.intended_at is None:
        return deployment, request
    if request.outcome != "Succeeded" and crossing.back_at is None:
        # Before the front is read: a switch that is still under way finds it, and takes itself back.
        crossing = crossing.model_copy(update={"back_at": clock.iso(now)})
        deployment = _intend_back(deployment, crossing, request.reason, now)
    try:
        serving = crossing.front.serving()
    except Refused as error:
        return deployment, _moved(request, error.message)
    if request.outcome == "Succeeded":
        expected = serving == deployment.group
        told = f"requests go to {serving}: somebody else has switched the front"
        return deployment, request if expected else _moved(request, told)
    if serving != crossing.serving:
        crossing.front.switch(crossing.serving)
    crossing = crossing.model_copy(update={"returned_at": clock.iso(clock.now())})
    deployment = deployment.model_copy(update={"crossing": crossing})
    return deployment, request.model_copy(
        update={"reason": f"{request.reason}; requests are back with {crossing.serving}"}
    )


def _intend_back(deployment: Deployment, crossing: Crossing, why: str, now: datetime) -> Deployment:
    note = Note("intent", ACTOR, "switch_back", f"requests go back to {crossing.serving}: {why}")
    return Stores.of(Environment).deployments.record(deployment, now, note, crossing=crossing)


def _moved(request: Request, why: str) -> Request:
    """It is told as what needs a person."""
    changed = {"outcome": "Failed", "trigger": "DEPLOYMENT_FAILURE", "reason": f"{request.reason}; {why}"}
    return request.model_copy(update=changed)


def _end(deployment: Deployment, request: Request, now: datetime) -> Deployment:
    """One transaction: its state, the group's turn and leases, how the release fared, and its rollback."""
    stores = Stores.of(Environment)
    group = stores.groups.get(deployment.group)
    undoing = _undoing(deployment) if request.roll_back and ending.can_be_undone(deployment) else None
    way = way_back(**vars(undoing)) if undoing else None
    undo = ending.undo(deployment, way, request.reason, now) if way else None
    undone_by = undo.deployment_id if undo else ""
    writes = [
        *_turns(deployment, group, request.outcome, undone_by, now),
        *_condemned(deployment, group, now),
        *(_begun(undo, way, now) if undo and way else ()),
        *_standing(deployment, request.outcome, now),
        *(() if undo else _inventory(deployment)),  # what undoes it touches the same nodes
    ]
    reason = request.reason + (f"; {way.reason}" if way else "")
    told = {"trigger": request.trigger, "undone_by": undone_by}
    decided = (recorded.record("way_back", undoing, way, ""),) if undoing else ()
    note = Note("closed", ACTOR, request.outcome, reason, told, decided)
    ended = {"state": request.outcome, "reason": reason, "closed_at": clock.iso(now), "undone_by": undone_by}
    trigger = request.trigger or None
    return stores.deployments.record(deployment, now, note, *writes, trigger=trigger, **ended)


def _undoing(deployment: Deployment) -> Undoing:
    return ending.undoing(deployment, Stores.of(Environment).releases.of_app(deployment.app))


def _begun(undo: Deployment, way: Way, now: datetime) -> list[Write]:
    note = Note("opened", ACTOR, "rollback", way.reason, {"undoes": undo.undoes})
    return Stores.of(Environment).deployments.creation(undo, now, note)


def _turns(
    deployment: Deployment, group: GroupState | None, outcome: Outcome, undone_by: str, now: datetime
) -> Iterator[Write]:
    """A rollback inherits turn and leases. The group that had the requests keeps all else."""
    stores, me, crossing = Stores.of(Environment), deployment.deployment_id, deployment.crossing
    if group and group.deploying == me:
        yield stores.turns.end(
            group,
            me,
            desired=ending.desired(deployment, outcome),
            deployed=_suspected(deployment, outcome, now),
            heir=ending.heirs(group, me, undone_by),
        )
    elif ending.guilty(deployment, group):
        yield stores.turns.suspect_no_more(deployment.group, me)
    beside = stores.groups.get(crossing.serving) if crossing else None
    if beside and beside.deploying == me:
        yield stores.turns.end(beside, me, desired=None, deployed=None, heir={})


def _suspected(deployment: Deployment, outcome: Outcome, now: datetime) -> Deployed | None:
    """Nothing where the policy knows the app no more; of a failure it is not even asked."""
    if outcome != "Succeeded":
        return None
    _, policy = Stores.of(Environment).policies.current()
    app = policy.apps.get(deployment.app)
    return ending.suspected(deployment, outcome, app.strategy.suspect_seconds, now) if app else None


def _standing(deployment: Deployment, outcome: Outcome, now: datetime) -> Iterator[Write]:
    release, standing = deployment.release, ending.standing(deployment, outcome, now)
    if release and standing:
        releases = Stores.of(Environment).releases
        yield releases.stand(deployment.app, release.version, deployment.group, standing)


def _condemned(deployment: Deployment, group: GroupState | None, now: datetime) -> Iterator[Write]:
    """It was good, and is never gone back to again."""
    guilty = ending.guilty(deployment, group)
    if guilty:
        failed = Standing(state="failed", at=clock.iso(now), deployment_id=deployment.deployment_id)
        releases = Stores.of(Environment).releases
        yield releases.stand(deployment.app, guilty.version, deployment.group, failed)


def _inventory(deployment: Deployment) -> Iterator[Write]:
    """What each touched node runs now; nothing that is known, where it failed."""
    stores, release = Stores.of(Environment), deployment.release
    _, policy = stores.policies.current()
    settings = policy.groups.get(deployment.group)
    if release is None or (settings and not targets.of(settings, stores).inventoried):
        return
    working = ending.working(deployment)
    for node in deployment.nodes:
        yield stores.nodes.change(node, release=release.version if node in working else "")
