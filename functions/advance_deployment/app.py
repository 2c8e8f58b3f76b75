"""Decide what a running deployment does next, by how its nodes are now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, targets, traffic
from nightshift.aws.stores import Stores
from nightshift.decisions import blue_green, maintenance, recorded, rollout
from nightshift.decisions.blue_green import Crossed
from nightshift.decisions.health import Verdict
from nightshift.decisions.rollout import Progress, Step
from nightshift.decisions.verification import Aftermath, verify
from nightshift.deployment import Deployment, Touched
from nightshift.entry import entry
from nightshift.errors import Refused
from nightshift.fleet import GroupState
from nightshift.front import Crossing
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.policy_apps import App
from nightshift.ports import Units
from nightshift.settings import Settings

logger = Logger()
ACTOR = "advance_deployment"


class Environment(Settings):
    """The tables to read and the two to write, and where large inputs are kept."""

    deployments_table: str
    journal_table: str
    incidents_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str


class Request(BaseModel):
    """Which deployment goes on."""

    deployment_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the machine's next state: the next batch, look again, or close."""
    request = envelopes.read(Request, event)
    answer = advance(request.deployment_id, clock.now())
    logger.info("advance", deployment_id=request.deployment_id, **answer)
    return {"deployment_id": request.deployment_id, **answer}


def advance(deployment_id: str, now: datetime) -> dict[str, Any]:
    """Judge the nodes that were touched, then ask what comes next; write down what has changed."""
    stores = Stores.of(Environment)
    deployment = stores.deployments.get(deployment_id)
    version, policy = stores.policies.current()
    group, app = stores.groups.get(deployment.group), policy.apps.get(deployment.app)
    if group is None or app is None or deployment.group not in policy.groups:
        raise Refused("deployment.unknown_app", f"the policy deploys no app {deployment.app} any more")
    judged = {
        node: one for node in deployment.nodes if (one := _judge(deployment, node, policy, now)) is not None
    }
    if judged:
        deployment = _write_down(deployment, judged, group, version, now)
    progress: Progress | Crossed
    if deployment.crossing:
        progress = _crossed(deployment, deployment.crossing, app, group, policy, now)
        step = blue_green.next_step(progress)
    else:
        progress = _progress(deployment, app, group, policy, now)
        step = rollout.next_step(progress)
    deployment = _decided(deployment, progress, step, version)
    if step.action in {"wait", "bake"}:
        return _answer("LookAgain", step, until=_until(step, app, now))
    if step.action == "next_batch":
        return _answer("DeployBatch", step, batch=list(step.batch))
    if step.action == "switch":
        return _answer("SwitchFront", step)
    return _answer("CloseDeployment", step, outcome=step.state, roll_back=step.action == "roll_back")


def _judge(
    deployment: Deployment, node_id: str, policy: Policy, now: datetime
) -> tuple[Aftermath, Verdict] | None:
    """A node whose document is over is judged by newer samples; None while there is nothing to say of it."""
    touched, group = deployment.nodes[node_id], deployment.group
    if touched.state != "InProgress" or not touched.acted_at:
        return None
    target = targets.of(policy.groups[group], Stores.of(Environment))
    samples = target.samples(policy, node_id, clock.parse(touched.acted_at), now)
    # In the order of their names, as the journal keeps them: reasons list them.
    symptoms = dict(sorted(policy.symptoms.items()))
    heard = {name: symptom for name, symptom in symptoms.items() if samples.get(name)}
    aftermath = Aftermath(
        now=now,
        acted_at=touched.acted_at,
        symptoms=heard or symptoms,
        samples=samples,
        healing=policy.healing_of(group),
    )
    verdict = verify(aftermath)
    # Only a node that is well goes back to where requests are sent to it.
    if verdict.state == "healthy" and traffic.of(policy.groups[group]).join([node_id]):
        aftermath = replace(aftermath, in_traffic=False)
        verdict = verify(aftermath)
    return None if verdict.state == "undecided" else (aftermath, verdict)


def _write_down(
    deployment: Deployment,
    judged: dict[str, tuple[Aftermath, Verdict]],
    group: GroupState,
    version: str,
    now: datetime,
) -> Deployment:
    fresh = {node: _ended(deployment.nodes[node], verdict, now) for node, (_, verdict) in judged.items()}
    told = {node: f"{one.state}: {one.detail}" for node, one in sorted(fresh.items())}
    nodes = deployment.nodes | fresh
    over = all(one.state != "InProgress" for one in nodes.values())
    reason = ", ".join(f"{node} {one.state}" for node, one in sorted(fresh.items()))
    decided = tuple(
        recorded.record("verification", given, verdict, version)
        for _, (given, verdict) in sorted(judged.items())
    )
    stores = Stores.of(Environment)
    back = [node for node in sorted(group.drained & set(fresh)) if fresh[node].state == "Succeeded"]
    return stores.deployments.record(
        deployment,
        now,
        Note("verification", ACTOR, "judged", reason, told, decided),
        *([stores.groups.serve(group.group, back)] if back else []),
        nodes=nodes,
        batch_ended_at=clock.iso(now) if over else deployment.batch_ended_at,
    )


def _ended(touched: Touched, verdict: Verdict, now: datetime) -> Touched:
    state = "Succeeded" if verdict.state == "healthy" else "Failed"
    return touched.model_copy(update={"state": state, "ended_at": clock.iso(now), "detail": verdict.reason})


def _decided(deployment: Deployment, progress: Progress | Crossed, step: Step, version: str) -> Deployment:
    """Write down what comes next, once; it is asked every few seconds, and mostly the answer is the same."""
    if deployment.step == step.name:
        return deployment
    decided = recorded.record("blue_green" if deployment.crossing else "rollout", progress, step, version)
    inputs = {"app": deployment.app, "group": deployment.group, "batch": list(step.batch)}
    note = Note("rollout", ACTOR, step.action, step.reason, inputs, (decided,))
    return Stores.of(Environment).deployments.record(deployment, progress.now, note, step=step.name)


def _progress(deployment: Deployment, app: App, group: GroupState, policy: Policy, now: datetime) -> Progress:
    """Everything the next step depends on. While nodes are in progress nobody else is looked at."""
    running, seen = _seen(deployment, group, policy, now)
    ends = [one.ended_at for one in deployment.nodes.values() if one.ended_at]
    ended = max(ends, default=None) if not running else None
    return Progress(
        now=now,
        started_at=clock.parse(deployment.planned_at or deployment.created_at),
        strategy=app.strategy,
        batches=deployment.batches,
        desired=deployment.desired,
        nodes={node: one.state for node, one in deployment.nodes.items()},
        healthy=seen.of("healthy"),
        unhealthy=seen.of("unhealthy"),
        batch_ended_at=clock.parse(ended) if ended else None,
        alarms=_alarms(deployment, group),
        stop_requested=deployment.stop_requested,
        paused=_paused(policy, group.group, now),
        is_rollback=deployment.kind == "rollback",
    )


def _seen(deployment: Deployment, group: GroupState, policy: Policy, now: datetime) -> tuple[bool, Units]:
    running = any(one.state == "InProgress" for one in deployment.nodes.values())
    target = targets.of(policy.groups[group.group], Stores.of(Environment))
    return running, Units(0, ()) if running else target.look(policy, group, now)


def _crossed(
    deployment: Deployment, crossing: Crossing, app: App, group: GroupState, policy: Policy, now: datetime
) -> Crossed:
    """The same of a blue-green deployment, which does not look at the group that it came from."""
    _, seen = _seen(deployment, group, policy, now)
    return Crossed(
        now=now,
        started_at=clock.parse(deployment.planned_at or deployment.created_at),
        strategy=app.strategy,
        desired=deployment.desired,
        serving=crossing.serving,
        nodes={node: one.state for node, one in deployment.nodes.items()},
        units=frozenset(one.node_id for one in seen.units),
        healthy=seen.of("healthy"),
        unhealthy=seen.of("unhealthy"),
        intended=crossing.intended_at is not None,
        switched_at=clock.parse(crossing.switched_at) if crossing.switched_at else None,
        alarms=_alarms(deployment, group),
        stop_requested=deployment.stop_requested,
        paused=_paused(policy, group.group, now),
    )


def _alarms(deployment: Deployment, group: GroupState) -> tuple[str, ...]:
    """The incidents of touched nodes that began after the node was found well: the release is suspected.

    An alarm may also be about the restart itself, and be heard late: a symptom that lasts makes the node
    unhealthy without it.
    """
    found = []
    for node in sorted(set(deployment.nodes) & set(group.troubled) - set(deployment.troubled_before)):
        well_at = deployment.nodes[node].ended_at or ""
        incident = Stores.of(Environment).incidents.find(group.troubled[node])
        raised = (
            max((heard.raised_at for heard in incident.symptoms.values()), default="") if incident else ""
        )
        if deployment.nodes[node].state == "Succeeded" and (incident is None or raised > well_at):
            found.append(group.troubled[node])
    return tuple(found)


def _paused(policy: Policy, group: str, now: datetime) -> str:
    pause = Stores.of(Environment).groups.pause()
    if pause:
        return f"{pause.by}: {pause.why}"
    window = maintenance.active(policy.maintenance, group, now)
    return maintenance.words(*window) if window else ""


def _until(step: Step, app: App, now: datetime) -> datetime:
    """Alarms and a stop are heard within one poll, however long is baked."""
    poll = now + timedelta(seconds=app.strategy.poll_seconds)
    return min(step.until, poll) if step.until else poll


def _answer(following: str, step: Step, until: datetime | None = None, **more: Any) -> dict[str, Any]:
    said = {"next": following, "reason": step.reason, "until": clock.iso(until) if until else ""}
    return {**said, "trigger": step.trigger or "", "outcome": "", "roll_back": False, "batch": [], **more}
