"""End a deployment: give everything back, say how the release fared, and begin its rollback if it must."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, targets
from nightshift.aws import executions
from nightshift.aws.stores import Stores
from nightshift.aws.tables import Write
from nightshift.decisions import recorded
from nightshift.decisions.recorded import Undoing
from nightshift.decisions.rollback import Way, way_back
from nightshift.deployment import Deployment, undo_of
from nightshift.entry import entry
from nightshift.envelopes import ExecutionEnded
from nightshift.errors import Refused
from nightshift.events import DeploymentEvent, DeploymentFailed, DeploymentSucceeded, traceparent
from nightshift.front import Crossing
from nightshift.incident import Deployed, GroupState, Lease, Release
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
    outcome: Literal["Succeeded", "Failed", "Stopped"]
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
    stores.bus.publish(_event(deployment))
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
        reason = f"requests go back to {crossing.serving}: {request.reason}"
        crossing = crossing.model_copy(update={"back_at": clock.iso(now)})
        note = Note("intent", ACTOR, "switch_back", reason)
        deployment = Stores.of(Environment).deployments.record(deployment, now, note, crossing=crossing)
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


def _moved(request: Request, why: str) -> Request:
    """It is told as what needs a person."""
    changed = {"outcome": "Failed", "trigger": "DEPLOYMENT_FAILURE", "reason": f"{request.reason}; {why}"}
    return request.model_copy(update=changed)


def _end(deployment: Deployment, request: Request, now: datetime) -> Deployment:
    """One transaction: its state, the group's turn and leases, how the release fared, and its rollback."""
    stores = Stores.of(Environment)
    group = stores.groups.get(deployment.group)
    undoing = _undoing(deployment) if _must_undo(deployment, request) else None
    way = way_back(**vars(undoing)) if undoing else None
    undo = _undo(deployment, way, request.reason, now) if way and way.target else None
    reason = request.reason + (f"; {way.reason}" if way else "")
    undone_by = undo.deployment_id if undo else ""
    writes: list[Write] = []
    if group and group.deploying == deployment.deployment_id:
        writes.append(_turn(deployment, group, undo, now, succeeded=request.outcome == "Succeeded"))
    elif _guilty(deployment, group):
        writes.append(stores.turns.suspect_no_more(deployment.group, deployment.deployment_id))
    writes += _turn_beside(deployment)
    writes += _condemned(deployment, group, now)
    if undo and way:
        note = Note("opened", ACTOR, "rollback", way.reason, {"undoes": deployment.deployment_id})
        writes += stores.deployments.creation(undo, now, note)
    writes += _standing(deployment, request, now)
    writes += [] if undo else _inventory(deployment)  # what undoes it touches the same nodes
    return stores.deployments.record(
        deployment,
        now,
        Note(
            "closed",
            ACTOR,
            request.outcome,
            reason,
            {"trigger": request.trigger, "undone_by": undone_by},
            (recorded.record("way_back", undoing, way, ""),) if undoing else (),
        ),
        *writes,
        state=request.outcome,
        reason=reason,
        trigger=request.trigger or None,
        undone_by=undone_by,
        closed_at=clock.iso(now),
    )


def _must_undo(deployment: Deployment, request: Request) -> bool:
    """Nothing that goes to what was good is undone itself, nor is what touched nothing."""
    forward = deployment.kind in ("push", "manual") and deployment.crossing is None
    return request.roll_back and forward and bool(deployment.nodes)


def _undoing(deployment: Deployment) -> Undoing:
    known = Stores.of(Environment).releases.of_app(deployment.app)
    touched = {node: one.started_at for node, one in deployment.nodes.items()}
    failing = deployment.release.version if deployment.release else ""
    return Undoing(tuple(known), deployment.group, failing, touched)


def _undo(deployment: Deployment, way: Way, reason: str, now: datetime) -> Deployment:
    """The deployment that takes this one back: its nodes, the last touched first, in its largest batches."""
    size = max(len(batch) for batch in deployment.batches)
    batches = tuple(way.nodes[at : at + size] for at in range(0, len(way.nodes), size))
    target = way.target
    return Deployment(
        deployment_id=undo_of(deployment.deployment_id, now),
        app=deployment.app,
        group=deployment.group,
        kind="rollback",
        state="InProgress",
        by=deployment.by,
        commit=target.commit if target else "",
        author=target.author if target else "",
        message=target.message if target else "",
        release=target.artifact if target else None,
        undoes=deployment.deployment_id,
        reason=f"undoes {deployment.deployment_id}: {reason}",
        batches=batches,
        desired=deployment.desired,
        fence=deployment.fence,
        troubled_before=deployment.troubled_before,
        created_at=clock.iso(now),
        planned_at=clock.iso(now),
    )


def _turn(
    deployment: Deployment, group: GroupState, undo: Deployment | None, now: datetime, *, succeeded: bool
) -> Write:
    """A rollback inherits turn and leases, so that nobody comes between."""
    heir: dict[str, Lease] = {}
    if undo:
        held = {
            node: one for node, one in group.leases.items() if one.incident_id == deployment.deployment_id
        }
        heir = {
            node: one.model_copy(update={"incident_id": undo.deployment_id}) for node, one in held.items()
        }
    desired: Release | None = deployment.release if succeeded and deployment.kind != "converge" else None
    deployed = _deployed(deployment, now) if succeeded and deployment.kind in ("push", "manual") else None
    return Stores.of(Environment).turns.end(
        group, deployment.deployment_id, desired=desired, deployed=deployed, heir=heir
    )


def _turn_beside(deployment: Deployment) -> list[Write]:
    """The turn of the group that had the requests, of a blue-green one; it keeps all else."""
    stores, crossing = Stores.of(Environment), deployment.crossing
    beside = stores.groups.get(crossing.serving) if crossing else None
    if beside is None or beside.deploying != deployment.deployment_id:
        return []
    return [stores.turns.end(beside, deployment.deployment_id, desired=None, deployed=None, heir={})]


def _deployed(deployment: Deployment, now: datetime) -> Deployed | None:
    """What is suspected first when nodes fall ill soon; nothing where the policy knows the app no more."""
    _, policy = Stores.of(Environment).policies.current()
    app = policy.apps.get(deployment.app)
    if app is None or deployment.release is None or deployment.crossing:
        return None  # what is blue-green is taken back by its front, which nobody switches after the end
    return Deployed(
        deployment_id=deployment.deployment_id,
        version=deployment.release.version,
        suspected_until=clock.iso(now + clock.seconds(app.strategy.suspect_seconds)),
        nodes=tuple(_working(deployment)),
    )


def _standing(deployment: Deployment, request: Request, now: datetime) -> list[Write]:
    """Good when it lasted, failed for ever when nodes were touched in vain; a stop says nothing of it."""
    release = deployment.release
    state = {"Succeeded": "good", "Failed": "failed"}.get(request.outcome)
    if release is None or state is None or not deployment.nodes or deployment.kind == "converge":
        return []  # what one node does says nothing of the release
    standing = Standing.model_validate(
        {"state": state, "at": clock.iso(now), "deployment_id": deployment.deployment_id}
    )
    if deployment.kind == "rollback" and state == "failed":
        return []  # it was good before: that it could not be brought back says nothing of it
    return [
        Stores.of(Environment).releases.stand(deployment.app, release.version, deployment.group, standing)
    ]


def _guilty(deployment: Deployment, group: GroupState | None) -> Deployed | None:
    """What a rollback takes back because it made nodes ill after its end; None for every other deployment."""
    deployed = group.deployed if group else None
    return deployed if deployed and deployed.rolled_back_by == deployment.deployment_id else None


def _condemned(deployment: Deployment, group: GroupState | None, now: datetime) -> list[Write]:
    """It was good, and is never gone back to again."""
    guilty = _guilty(deployment, group)
    if guilty is None:
        return []
    failed = Standing(state="failed", at=clock.iso(now), deployment_id=deployment.deployment_id)
    return [Stores.of(Environment).releases.stand(deployment.app, guilty.version, deployment.group, failed)]


def _inventory(deployment: Deployment) -> list[Write]:
    """What each touched node runs now; nothing that is known, where it failed."""
    stores, release = Stores.of(Environment), deployment.release
    _, policy = stores.policies.current()
    settings = policy.groups.get(deployment.group)
    if release is None or (settings and not targets.of(settings, stores).inventoried):
        return []
    working = _working(deployment)
    return [
        stores.nodes.change(node, release=release.version if node in working else "")
        for node in deployment.nodes
    ]


def _working(deployment: Deployment) -> list[str]:
    return sorted(node for node, one in deployment.nodes.items() if one.state == "Succeeded")


def _event(deployment: Deployment) -> DeploymentEvent:
    common = {
        "occurred_at": deployment.closed_at or deployment.created_at,
        "traceparent": traceparent(deployment.deployment_id, deployment.state),
        "deployment_id": deployment.deployment_id,
        "app": deployment.app,
        "group": deployment.group,
        "release": deployment.release.version if deployment.release else "",
        "reason": deployment.reason,
    }
    if deployment.state == "Succeeded":
        return DeploymentSucceeded.model_validate(common)
    return DeploymentFailed.model_validate({**common, "undone_by": deployment.undone_by})
