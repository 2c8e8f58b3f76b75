"""Plan a deployment when its turn comes: resolve the head, build its release, cut the batches."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, deployment_events, envelopes, targets
from nightshift.aws import artifacts, secrets
from nightshift.aws.stores import Stores
from nightshift.decisions import gates, planning, recorded, rollback, rollout
from nightshift.decisions.gates import Passage
from nightshift.decisions.planning import Case, Chosen, Planned
from nightshift.decisions.recorded import Asked, Planning
from nightshift.decisions.rollout import Plan
from nightshift.deployment import Deployment
from nightshift.entry import entry
from nightshift.errors import Conflict, Permanent, Refused
from nightshift.fleet import Release
from nightshift.front import Crossing, Front
from nightshift.journal import Decided, Note
from nightshift.releases import Built
from nightshift.settings import Settings
from nightshift.strategy import Traffic
from nightshift_git import release, repository
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
    case = _case(deployment, now)
    if case.deployment.planned_at:
        return _go(case.deployment)
    passage = planning.turn(case)
    if passage.answer != "go":
        return _answer(passage, case)
    try:
        return _planned(case)
    except Conflict as lost:
        return _answer(Passage("wait", lost.message), case)


def _case(deployment: Deployment, now: datetime) -> Case:
    """What is known before it; raises Refused when the policy does not deploy it."""
    stores = Stores.of(Environment)
    version, policy = stores.policies.current()
    app = policy.apps.get(deployment.app)
    deployment = _to_the_idle(deployment, app.strategy.front if app else None)
    group = stores.groups.get(deployment.group)
    if app is None or group is None or deployment.group not in policy.groups:
        raise Refused(
            "deployment.unknown_app", f"the policy deploys no app {deployment.app} to {deployment.group}"
        )
    beside = stores.groups.get(deployment.crossing.serving) if deployment.crossing else None
    return Case(deployment, app, group, beside, policy, version, now)


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
    if deployment.crossing:
        deployment.crossing.require_unmoved(Refused)
    return {"next": "AdvanceDeployment"}


def _planned(case: Case) -> dict[str, Any]:
    """Its release, what its gates say of that, and its batches; the next only when one is clear."""
    chosen = _chosen(case)
    if chosen.code:
        raise Refused(chosen.code, chosen.reason)
    if chosen.release is None:
        return _answer(Passage("stop", chosen.reason), case)
    asked = _asked(case, chosen.release)
    passage = gates.judge(**vars(asked))
    weighed = recorded.record("gates", asked, passage, case.version)
    if passage.answer != "go":
        return _held(case, chosen.release, passage, weighed)
    previous = _previous(case, chosen.release)
    given = _planning(case, chosen.release)
    plan = rollout.plan(**vars(given))
    decided = (weighed, recorded.record("plan", given, plan, case.version))
    if plan.code:
        _write_refusal(case, plan, decided)
        raise Refused(plan.code, plan.reason)
    planned = Planned(chosen.release, previous, plan, given.desired)
    return _begun(case, planned, passage.reason, decided)


def _chosen(case: Case) -> Chosen:
    """The release that is to be deployed; the branch's head is resolved now, and built where it never was."""
    deployment, app, stores = case.deployment, case.app, Stores.of(Environment)
    if deployment.release is not None:
        version = deployment.release.version
        return planning.named(version, stores.releases.get(deployment.app, version))
    if deployment.kind == "rollback":
        return planning.back(case, stores.releases.of_app(deployment.app))
    remote = Remote(app.repository, *secrets.login(Environment.current().git_secrets, app.credentials))
    head = repository.head(remote, deployment.ref or f"refs/heads/{app.branch}")
    if head != deployment.commit and deployment.commit:
        logger.info("only the head is deployed", pushed=deployment.commit, head=head)
    return planning.head(case, _built(deployment.app, remote, head))


def _built(app: str, remote: Remote, commit: str) -> Built:
    """The release of a commit: archived once, its size and sum noted before any node hears of it."""
    stores = Stores.of(Environment)
    known = next((one for one in stores.releases.of_app(app) if one.commit == commit), None)
    if known:
        return known
    built, content = release.build(repository.snapshot(remote, commit), app, clock.now())
    artifacts.store(Environment.current().artifacts_bucket, built.key, content)
    stores.releases.add(built)
    return built


def _asked(case: Case, built: Built) -> Asked:
    wanted = planning.gates_of(case, built)
    reports = Stores.of(Environment).gates.of_commit(built.commit) if wanted else ()
    return planning.asked(case, built, reports)


def _held(case: Case, built: Built, passage: Passage, weighed: Decided) -> dict[str, Any]:
    """Wait, have a person asked, or give up, and say why; once, as long as it is the same."""
    deployment = case.deployment
    if deployment.reason != passage.reason:
        inputs = {"app": deployment.app, "group": deployment.group}
        note = Note("gates", ACTOR, passage.answer, passage.reason, inputs, (weighed,))
        known = {"commit": built.commit, "author": built.author, "message": built.message}
        Stores.of(Environment).deployments.record(
            deployment, case.now, note, state="Queued", reason=passage.reason, **known
        )
    return _answer(passage, case, built.version)


def _previous(case: Case, built: Built) -> Release | None:
    """What can be gone back to, and is there; None for the first release of a group."""
    stores, bucket = Stores.of(Environment), Environment.current().artifacts_bucket
    good = rollback.last_good(stores.releases.of_app(built.app), case.group.group, built.version)
    previous = good.artifact if good else None
    for one in filter(None, (built.artifact, previous)):
        artifacts.require(bucket, one.key, one.size)
    return previous


def _planning(case: Case, built: Built) -> Planning:
    group = case.policy.groups[case.group.group]
    seen = targets.of(group, Stores.of(Environment)).look(case.policy, case.group, case.now)
    before: Traffic = "target_group" if case.deployment.crossing else "none"
    return Planning(seen.units, case.app.strategy, seen.desired, before, built.version)


def _write_refusal(case: Case, plan: Plan, decided: tuple[Decided, ...]) -> None:
    told = {"app": case.deployment.app, "group": case.deployment.group, "code": plan.code}
    note = Note("plan", ACTOR, "refused", plan.reason, told, decided)
    Stores.of(Environment).deployments.record(case.deployment, case.now, note)


def _begun(case: Case, planned: Planned, passed: str, decided: tuple[Decided, ...]) -> dict[str, Any]:
    """The plan and the turns in one transaction; raises Conflict when a turn is somebody else's by now."""
    deployment, stores, reason = case.deployment, Stores.of(Environment), planned.plan.reason
    told = planned.told(deployment, passed)
    note = Note("plan", ACTOR, "planned", f"{planned.release.version}: {reason}", told, decided)
    if deployment.crossing:
        deployment.crossing.require_unmoved(Conflict)
    turns = [stores.turns.take(one.group, deployment.deployment_id) for one in case.groups]
    changed = stores.deployments.record(deployment, case.now, note, *turns, **planned.changes(case))
    stores.bus.publish(deployment_events.started(changed, reason))
    return _go(changed)


def _answer(passage: Passage, case: Case, version: str = "") -> dict[str, Any]:
    """The machine's next state, for whatever is not deployed now; a person is asked about ``version``."""
    if passage.answer == "wait":
        until = clock.iso(case.now + clock.seconds(case.app.strategy.poll_seconds))
        return {"next": "WaitForTurn", "reason": passage.reason, "until": until}
    if passage.until:
        seconds = max(1, int((passage.until - case.now).total_seconds()))
        question = {"remedy": version, "reason": passage.reason}
        return {"next": "AskApproval", **question, "until": clock.iso(passage.until), "seconds": seconds}
    return _close("Stopped" if passage.answer == "stop" else "Failed", passage.reason)


def _close(outcome: str, reason: str) -> dict[str, Any]:
    return {"next": "CloseDeployment", "outcome": outcome, "reason": reason, "until": ""}
