"""Plan a deployment when its turn comes: resolve the head, build its release, cut the batches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, releases, targets
from nightshift.aws import artifacts, secrets
from nightshift.aws.stores import Stores
from nightshift.decisions import gates, recorded, rollback, rollout
from nightshift.decisions.gates import Consent, Passage
from nightshift.decisions.recorded import Asked, Planning
from nightshift.deployment import Deployment
from nightshift.entry import entry
from nightshift.errors import Conflict, NightshiftError, Permanent, Refused
from nightshift.events import DeploymentStarted, traceparent
from nightshift.front import Crossing, Front
from nightshift.incident import GroupState, Release
from nightshift.journal import Decided, Note
from nightshift.policy import Policy
from nightshift.policy_apps import App
from nightshift.releases import Built
from nightshift.settings import Settings
from nightshift.strategy import Traffic
from nightshift_git import archive, repository
from nightshift_git.repository import Remote

logger = Logger()
ACTOR = "plan_deployment"


class Environment(Settings):
    """The tables, the bus, where releases are, and below what name Git's credentials stand."""

    bus_name: str
    deployments_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    releases_table: str
    inspections_table: str
    artifacts_bucket: str
    git_secrets: str
    gates_table: str


class Request(BaseModel):
    """Which deployment is to be planned."""

    deployment_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state: wait for the turn, go on, or close; what is refused is closed."""
    request, now = envelopes.read(Request, event), clock.now()
    deployment = Stores.of(Environment).deployments.get(request.deployment_id)
    try:
        answer = plan(deployment, now)
    except (Refused, Permanent) as error:
        logger.warning("nothing is deployed", code=error.code, reason=error.message)
        answer = _close("Failed", error.message)
    logger.info("planned", deployment_id=request.deployment_id, **answer)
    return {"deployment_id": request.deployment_id, **answer}


def plan(deployment: Deployment, now: datetime) -> dict[str, Any]:
    """Each part may run twice: what was planned is not planned again."""
    stores = Stores.of(Environment)
    version, policy = stores.policies.current()
    app = policy.apps.get(deployment.app)
    deployment = _to_the_idle(deployment, app.strategy.front if app else None)
    group = stores.groups.get(deployment.group)
    if app is None or group is None or deployment.group not in policy.groups:
        raise Refused(
            "deployment.unknown_app", f"the policy deploys no app {deployment.app} to {deployment.group}"
        )
    if deployment.planned_at:
        return _go(deployment)
    if deployment.stop_requested:
        return _close("Stopped", f"stopped by {deployment.stop_requested}")
    ends_by = clock.parse(deployment.created_at) + clock.seconds(app.strategy.deadline_seconds)
    if now >= ends_by:
        return _close("Failed", f"its turn did not come within {app.strategy.deadline_seconds} s")
    busy = _busy(deployment, group)
    if busy:
        return _wait(app, now, busy)
    try:
        return _planned(deployment, app, group, (version, policy), now)
    except Conflict as lost:
        return _wait(app, now, lost.message)


def _busy(deployment: Deployment, group: GroupState) -> str:
    """Whose turn it is in a group that this deployment needs; empty when they are free."""
    found = [one for one in filter(None, (group, _serving(deployment))) if one.deploying]
    others = [one for one in found if one.deploying != deployment.deployment_id]
    return f"{others[0].deploying} is being deployed to {others[0].group}" if others else ""


def _to_the_idle(deployment: Deployment, front: Front | None) -> Deployment:
    """The group that gets no requests now, by the front's own word; the other one is the way back."""
    if front is None or deployment.planned_at:
        return deployment
    if deployment.undoes:
        reason = f"{deployment.app} is blue-green: what was good is gone back to by `nightshift rollback`"
        raise Refused("rollback.blue_green", reason)
    serving = front.serving()
    crossing = Crossing(front=front, serving=serving)
    return deployment.model_copy(update={"group": front.idle(serving), "crossing": crossing})


def _go(deployment: Deployment) -> dict[str, Any]:
    """Now that it is our turn nobody else switches the front; the one before may have, until it was."""
    _idle_still(deployment, Refused)
    return {"next": "AdvanceDeployment"}


def _idle_still(deployment: Deployment, otherwise: type[NightshiftError]) -> None:
    """Raises ``otherwise`` with the code ``front.moved`` when the group gets requests by now."""
    crossing = deployment.crossing
    serving = crossing.front.serving() if crossing else ""
    if crossing and serving != crossing.serving:
        raise otherwise("front.moved", f"requests go to {serving} by now, no more to {crossing.serving}")


def _serving(deployment: Deployment) -> GroupState | None:
    """The group that has the requests meanwhile, of a blue-green app; nobody else deploys to it either."""
    return Stores.of(Environment).groups.get(deployment.crossing.serving) if deployment.crossing else None


def _planned(
    deployment: Deployment, app: App, group: GroupState, policies: tuple[str, Policy], now: datetime
) -> dict[str, Any]:
    stores, (version, policy) = Stores.of(Environment), policies
    built = _release(deployment, app, group)
    if isinstance(built, str):
        return _close("Stopped", built)
    asked = _asked(deployment, app, group, built, now)
    passage = gates.judge(**vars(asked))
    weighed = recorded.record("gates", asked, passage, version)
    if passage.answer != "go":
        return _held(deployment, app, built, passage, weighed, now)
    previous = _previous(deployment, group, built)
    seen = targets.of(policy.groups[deployment.group], stores).look(policy, group, now)
    before: Traffic = "target_group" if deployment.crossing else "none"
    planning = Planning(seen.units, app.strategy, seen.desired, before, built.version)
    batches = rollout.plan(**vars(planning))
    decided = (weighed, recorded.record("plan", planning, batches, version))
    if batches.code:
        told = {"app": deployment.app, "group": deployment.group, "code": batches.code}
        note = Note("plan", ACTOR, "refused", batches.reason, told, decided)
        stores.deployments.record(deployment, now, note)
        raise Refused(batches.code, batches.reason)
    inputs = {
        "app": deployment.app,
        "group": deployment.group,
        "version": built.version,
        "sha256": built.sha256,
        "commit": built.commit,
        "gates": passage.reason,
        "previous": previous.version if previous else "",
        "batches": [list(batch) for batch in batches.batches],
        "desired": seen.desired,
        "serving": deployment.crossing.serving if deployment.crossing else "",
    }
    _idle_still(deployment, Conflict)
    changed = stores.deployments.record(
        deployment,
        now,
        Note("plan", ACTOR, "planned", f"{built.version}: {batches.reason}", inputs, decided),
        *(
            stores.turns.take(one.group, deployment.deployment_id)
            for one in filter(None, (group, _serving(deployment)))
        ),
        state="InProgress",
        release=built.artifact,
        previous=previous,
        commit=built.commit,
        author=built.author,
        message=built.message,
        batches=batches.batches,
        desired=seen.desired,
        troubled_before=tuple(sorted(group.troubled)),
        planned_at=clock.iso(now),
    )
    stores.bus.publish(_started(changed, batches.reason))
    return _go(changed)


def _asked(deployment: Deployment, app: App, group: GroupState, built: Built, now: datetime) -> Asked:
    """What its gates say; what proved itself in the group before is not asked again, nor is a rollback."""
    proven = deployment.kind == "rollback" or built.state_in(group.group) == "good"
    wanted, began = () if proven else app.gates, clock.parse(deployment.created_at)
    reports = Stores.of(Environment).gates.of_commit(built.commit) if wanted else ()
    ends = began + clock.seconds(app.strategy.deadline_seconds)
    until = min(now + clock.seconds(app.approval_seconds), ends)
    consent = Consent(deployment.approval, built.version, until)
    return Asked(wanted, reports, consent, now, began + clock.seconds(app.gates_seconds))


def _held(
    deployment: Deployment, app: App, built: Built, passage: Passage, weighed: Decided, now: datetime
) -> dict[str, Any]:
    """Wait, have a person asked, or give up, and say why; once, as long as it is the same."""
    if deployment.reason != passage.reason:
        inputs = {"app": deployment.app, "group": deployment.group}
        note = Note("gates", ACTOR, passage.answer, passage.reason, inputs, (weighed,))
        known = {"commit": built.commit, "author": built.author, "message": built.message}
        Stores.of(Environment).deployments.record(
            deployment, now, note, state="Queued", reason=passage.reason, **known
        )
    if passage.answer == "wait":
        return _wait(app, now, passage.reason)
    if passage.until:
        return _ask(built, passage.reason, passage.until, now)
    return _close("Stopped" if passage.answer == "stop" else "Failed", passage.reason)


def _ask(built: Built, reason: str, until: datetime, now: datetime) -> dict[str, Any]:
    seconds = max(1, int((until - now).total_seconds()))
    question = {"remedy": built.version, "reason": reason, "until": clock.iso(until), "seconds": seconds}
    return {"next": "AskApproval", **question}


def _release(deployment: Deployment, app: App, group: GroupState) -> Built | str:
    """What is to be deployed; or why there is nothing to do."""
    stores, serving = Stores.of(Environment), _serving(deployment) or group
    running = serving.desired_release.version if serving.desired_release else ""
    if deployment.kind == "rollback" and deployment.release is None:
        return _way_back(deployment, group, running)
    if deployment.release is not None:
        known = stores.releases.get(deployment.app, deployment.release.version)
        if known is None:
            raise Refused("deployment.unknown_release", f"there is no release {deployment.release.version}")
        return known
    remote = _remote(app)
    head = repository.head(remote, deployment.ref or f"refs/heads/{app.branch}")
    if head != deployment.commit and deployment.commit:
        logger.info("only the head is deployed", pushed=deployment.commit, head=head)
    built = _built(deployment.app, remote, head)
    if running == built.version:
        return f"{serving.group} runs {built.version} already, which is {deployment.ref or app.branch} now"
    if built.state_in(group.group) == "failed" and deployment.kind == "push":
        raise Refused(
            "deployment.failed_before", f"{built.version} failed in {group.group} before: push a new commit"
        )
    return built


def _way_back(deployment: Deployment, group: GroupState, running: str) -> Built | str:
    """The last good release; nothing when what is to be undone was taken back by somebody else meanwhile."""
    suspect = group.deployed
    if deployment.undoes and (suspect is None or suspect.rolled_back_by != deployment.deployment_id):
        return f"{deployment.undoes} was taken back already"
    known = Stores.of(Environment).releases.of_app(deployment.app)
    way = rollback.way_back(known, group.group, running, {})
    if way.target is None:
        raise Refused(way.code, way.reason)
    return way.target


def _built(app: str, remote: Remote, commit: str) -> Built:
    """The release of a commit: archived once, its size and sum noted before any node hears of it."""
    stores, bucket = Stores.of(Environment), Environment.current().artifacts_bucket
    known = next((one for one in stores.releases.of_app(app) if one.commit == commit), None)
    if known:
        return known
    snapshot = repository.snapshot(remote, commit)
    version = releases.version_of(commit, snapshot.committed_at)
    made, key = archive.build(snapshot, app, version), releases.key_of(app, version)
    artifacts.store(bucket, key, made.content)
    built = Built(
        app=app,
        version=version,
        key=key,
        sha256=made.sha256,
        size=len(made.content),
        unpacked=made.unpacked,
        files=made.files,
        commit=commit,
        author=snapshot.author[:300],
        message=snapshot.message[:1_000],
        committed_at=clock.iso(snapshot.committed_at),
        created_at=clock.iso(clock.now()),
        rollback="unsafe" if made.unsafe else "safe",
    )
    stores.releases.add(built)
    return built


def _previous(deployment: Deployment, group: GroupState, built: Built) -> Release | None:
    """What can be gone back to, and is there; None for the first release of a group."""
    stores, bucket = Stores.of(Environment), Environment.current().artifacts_bucket
    good = rollback.last_good(stores.releases.of_app(deployment.app), group.group, built.version)
    previous = good.artifact if good else None
    for release in filter(None, (built.artifact, previous)):
        artifacts.require(bucket, release.key, release.size)
    return previous


def _remote(app: App) -> Remote:
    return Remote(app.repository, *secrets.login(Environment.current().git_secrets, app.credentials))


def _close(outcome: str, reason: str) -> dict[str, Any]:
    return {"next": "CloseDeployment", "outcome": outcome, "reason": reason, "until": ""}


def _wait(app: App, now: datetime, reason: str) -> dict[str, Any]:
    return {
        "next": "WaitForTurn",
        "reason": reason,
        "until": clock.iso(now + clock.seconds(app.strategy.poll_seconds)),
    }


def _started(deployment: Deployment, reason: str) -> DeploymentStarted:
    return DeploymentStarted(
        occurred_at=deployment.planned_at or deployment.created_at,
        traceparent=traceparent(deployment.deployment_id, "plan"),
        deployment_id=deployment.deployment_id,
        app=deployment.app,
        group=deployment.group,
        release=deployment.release.version if deployment.release else "",
        reason=reason,
    )
