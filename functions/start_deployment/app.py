"""Begin a deployment to each group of a pushed app, or the one that a person asks for."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, StringConstraints

from nightshift import clock, envelopes
from nightshift.aws import executions
from nightshift.aws.stores import Stores
from nightshift.deployment import Deployment
from nightshift.entry import entry
from nightshift.errors import Refused
from nightshift.events import CodePushed
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.policy_apps import App
from nightshift.settings import Settings

logger = Logger()
ACTOR = "start_deployment"
TAG = "refs/tags/"


class Environment(Settings):
    """The tables and the machine."""

    deployments_table: str
    journal_table: str
    policies_table: str
    releases_table: str
    deploy_state_machine_arn: str


class Request(BaseModel):
    """What a person asks for: an app's head, or with ``version`` a release that was built before.

    ``rollback`` goes back to the last good release, or to ``version``. The same ``id`` begins nothing twice.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    app: str
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    group: str = ""
    version: str = ""
    rollback: bool = False
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""


class Delegation(BaseModel):
    """What admission found guilty of an incident: the deployment that is to be taken back, and by which."""

    deployment_id: Annotated[str, StringConstraints(pattern=r"^dep-\d{8}-[0-9a-f]{10}$")]
    app: str
    group: str
    undoes: str
    incident_id: str
    reason: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Begin by ``CodePushed``, a person's order or an incident; answers what was begun (or is known)."""
    now = clock.now()
    _, policy = Stores.of(Environment).policies.current()
    if event.get("detail-type") == "CodePushed":
        wanted = pushed(envelopes.detail(CodePushed, event), policy, now)
    elif "undoes" in event:
        wanted = [delegated(envelopes.read(Delegation, event), now)]
    else:
        wanted = ordered(envelopes.read(Request, event), policy, now)
    for deployment in wanted:
        begin(deployment, now)
    return {"deployments": [one.deployment_id for one in wanted]}


def begin(deployment: Deployment, now: datetime) -> None:
    """Store it and start its machine; both may run twice, since a name begins once."""
    stores = Stores.of(Environment)
    who = deployment.by or deployment.author
    note = Note("opened", ACTOR, deployment.kind, f"{deployment.subject}: {deployment.reason}", {"by": who})
    fresh = stores.deployments.create(deployment, now, note)
    executions.start(
        Environment.current().deploy_state_machine_arn,
        deployment.deployment_id,
        {"deployment_id": deployment.deployment_id},
    )
    logger.info("deployment", deployment_id=deployment.deployment_id, fresh=fresh)


def pushed(push: CodePushed, policy: Policy, now: datetime) -> list[Deployment]:
    """One for each group of each app whose branch moved; none for a branch that nobody deploys."""
    concerned = [
        (name, app) for name, app in policy.apps.items() if app.is_pushed(push.repositories, push.ref)
    ]
    return [
        Deployment(
            deployment_id=_id(push.delivery, name, group, push.occurred_at),
            app=name,
            group=group,
            ref=push.ref if app.deploy_on == "release" else "",
            commit=push.commit,
            author=push.author,
            message=push.message,
            reason=_why(push, app.branch),
            created_at=clock.iso(now),
        )
        for name, app in concerned
        for group in _begun_for(app)
    ]


def _begun_for(app: App) -> tuple[str, ...]:
    """Every group; one of a blue-green app, whose front says at the plan which one it is."""
    return app.groups[:1] if app.strategy.front else app.groups


def _why(push: CodePushed, branch: str) -> str:
    if push.ref.startswith(TAG):
        return f"{push.ref.removeprefix(TAG)} was released by {push.author}"
    return f"{push.commit[:12]} was pushed to {branch} by {push.author}"


def ordered(request: Request, policy: Policy, now: datetime) -> list[Deployment]:
    """What a person wants; raises Refused ``deployment.unknown_app`` or ``deployment.unknown_release``.

    Raises Refused ``deployment.front_decides`` for a group of a blue-green app.
    """
    app = policy.apps.get(request.app)
    if app and app.strategy.front and request.group:
        raise Refused(
            "deployment.front_decides", f"the front of {request.app} says which is idle: name no group"
        )
    groups = [one for one in _begun_for(app) if request.group in ("", one)] if app else []
    if not groups:
        where = f" in {request.group}" if request.group else ""
        raise Refused("deployment.unknown_app", f"the policy deploys no app {request.app}{where}")
    known = Stores.of(Environment).releases.get(request.app, request.version) if request.version else None
    if request.version and known is None:
        raise Refused("deployment.unknown_release", f"{request.app} has no release {request.version}")
    what = "goes back" if request.rollback else "is deployed"
    to = f" to {request.version}" if request.version else ""
    why = f": {request.why}" if request.why else ""
    return [
        Deployment(
            deployment_id=_id(request.id, request.app, group, clock.iso(now)),
            app=request.app,
            group=group,
            kind="rollback" if request.rollback else "manual",
            by=request.by,
            release=known.artifact if known else None,
            reason=f"{request.app} {what}{to} by {request.by}{why}",
            created_at=clock.iso(now),
        )
        for group in groups
    ]


def delegated(request: Delegation, now: datetime) -> Deployment:
    """The rollback that heals an incident; it is told apart from a person's by the one that it undoes."""
    return Deployment(
        deployment_id=request.deployment_id,
        app=request.app,
        group=request.group,
        kind="rollback",
        by=request.incident_id,
        undoes=request.undoes,
        reason=f"{request.incident_id}: {request.reason}",
        created_at=clock.iso(now),
    )


def _id(cause: str, app: str, group: str, at: str) -> str:
    """The same cause always names the same deployment; the date is for people, and of the cause."""
    digest = hashlib.sha256(f"{cause}|{app}|{group}".encode()).hexdigest()
    return f"dep-{at[:10].replace('-', '')}-{digest[:10]}"
