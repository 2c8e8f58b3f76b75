"""Bringing a release to a group: which nodes in which batch, and what comes next, with its reason.

Pure: what is known of the group comes in, a plan or a step goes out. States, node states and rollback
triggers have CodeDeploy's names. ``rollback`` decides where a rollback leads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.amounts import Amount, at_least, at_most
from nightshift.ports import Unit
from nightshift.strategy import Strategy, Traffic, Trigger

State = Literal["Created", "Queued", "Ready", "InProgress", "Baking", "Succeeded", "Failed", "Stopped"]
NodeState = Literal["Pending", "InProgress", "Succeeded", "Failed", "Skipped", "Unknown"]
Action = Literal["next_batch", "wait", "bake", "switch", "roll_back", "succeed", "stop"]
# CodeDeploy's order: what is ill already loses nothing, what runs the release already comes last.
_FIRST = {"unhealthy": 0, "unknown": 1, "healthy": 2}


@dataclass(frozen=True)
class Plan:
    """The batches of a deployment; none, and why, when it must not begin. ``code`` names a refusal."""

    batches: tuple[tuple[str, ...], ...]
    reason: str
    code: str = ""


@dataclass(frozen=True)
class Progress:
    """A deployment as it is now, read fresh.

    ``nodes`` says what came of each node that was touched; ``healthy`` and ``unhealthy`` are all nodes of the
    group that are known to be so by samples of now. ``batch_ended_at`` is when the last batch was over.
    """

    now: datetime
    started_at: datetime
    strategy: Strategy
    batches: tuple[tuple[str, ...], ...]
    desired: int
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    healthy: frozenset[str] = frozenset()
    unhealthy: frozenset[str] = frozenset()
    batch_ended_at: datetime | None = None
    alarms: tuple[str, ...] = ()
    stop_requested: str = ""
    paused: str = ""
    is_rollback: bool = False


@dataclass(frozen=True)
class Step:
    """What comes next and why; ``state`` is the deployment's from now on.

    ``batch`` holds the nodes to touch next, ``until`` when to look again, ``trigger`` what caused a rollback.
    ``page`` says that a person must know. ``rule`` is the one that decided.
    """

    action: Action
    state: State
    reason: str
    batch: tuple[str, ...] = ()
    until: datetime | None = None
    trigger: Trigger | None = None
    page: bool = False
    rule: str = ""

    @property
    def name(self) -> str:
        """What is decided, the same however often it is: reasons count down, and change with every look."""
        return " ".join((self.action, self.rule, *self.batch))


def plan(targets: Sequence[Unit], strategy: Strategy, desired: int, traffic: Traffic, version: str) -> Plan:
    """Cut the group's nodes into batches that never leave fewer than ``min_healthy`` healthy ones.

    A batch counts on the ones before it: nodes that were brought the release are healthy again then.
    """
    if strategy.kind == "blue_green" and traffic == "none":
        return Plan(
            (), "blue_green switches traffic, and this group has no traffic port", "rollout.no_traffic"
        )
    if not targets:
        return Plan((), f"no node to deploy to; {desired} are desired", "rollout.no_nodes")
    least = at_least(strategy.min_healthy, desired)
    waiting = sorted(targets, key=lambda one: (one.release == version, _FIRST[one.health], one.node_id))
    healthy = sum(one.health == "healthy" for one in targets)
    batches: list[tuple[str, ...]] = []
    while waiting:
        size = _size(strategy.sizes, len(batches), desired)
        # The nodes of blue_green serve nobody until the switch, so they may be touched all at once.
        spare = len(waiting) if strategy.kind == "blue_green" else healthy - least
        taken = _take(waiting, size, spare)
        if not taken:
            reason = f"{healthy} of {desired} nodes are healthy, min_healthy is {least}: none can be spared"
            return Plan((), reason, "rollout.min_healthy")
        healthy += sum(one.health != "healthy" for one in taken)
        batches.append(tuple(one.node_id for one in taken))
        waiting = [one for one in waiting if one not in taken]
    sizes = ", ".join(str(len(batch)) for batch in batches)
    kept = f"at least {least} of {desired} stay healthy"
    return Plan(tuple(batches), f"{strategy.kind}: {len(targets)} nodes in batches of {sizes}; {kept}")


def next_step(progress: Progress) -> Step:
    """What a running deployment does now; the first of these that applies decides.

    A batch that runs is waited for. A stop, an alarm, too many failures or the deadline undo it. A bake is
    waited for. When no batch is left, it has succeeded. A pause holds, and so does a lack of healthy nodes.
    Otherwise the next batch comes.
    """
    for rule in (_running, _undone, _baking, _finished, _held, _short):
        step = rule(progress)
        if step:
            return replace(step, rule=rule.__name__.strip("_"))
    number, batch = _next_batch(progress)
    reason = f"batch {number} of {len(progress.batches)}: {len(batch)} nodes"
    left = f"{len(progress.healthy - set(batch))} healthy ones of {progress.desired} besides them"
    return Step("next_batch", "InProgress", f"{reason}, {left}", batch=batch)


def failed_nodes(progress: Progress) -> tuple[str, ...]:
    """Touched nodes on which it did not work, or that are unhealthy since; sorted."""
    return tuple(
        sorted(
            node
            for node, state in progress.nodes.items()
            if state in {"Failed", "Unknown"} or (state == "Succeeded" and node in progress.unhealthy)
        )
    )


def _size(sizes: Sequence[Amount], number: int, desired: int) -> int:
    return max(1, at_most(sizes[min(number, len(sizes) - 1)], desired))


def _take(waiting: Sequence[Unit], size: int, spare: int) -> list[Unit]:
    """The first ``size`` nodes of which at most ``spare`` are healthy ones."""
    taken: list[Unit] = []
    for one in waiting:
        costs = one.health == "healthy"
        if len(taken) < size and (not costs or spare > 0):
            taken.append(one)
            spare -= costs
    return taken


def _running(progress: Progress) -> Step | None:
    running = sorted(node for node, state in progress.nodes.items() if state == "InProgress")
    if not running:
        return None
    return Step("wait", "InProgress", f"{len(running)} nodes are being deployed to: {', '.join(running)}")


def _undone(progress: Progress) -> Step | None:
    """What ends a deployment before its time; a rollback itself is never undone, but told to a person."""
    trigger, reason = _trouble(progress)
    if trigger is None:
        return None
    if progress.is_rollback:
        # A rollback brings every node it can to a safe state; a node that fails does not keep the others.
        if trigger == "DEPLOYMENT_STOP_ON_REQUEST":
            return Step("stop", "Stopped", reason, page=True)
        return None
    state: State = "Stopped" if trigger == "DEPLOYMENT_STOP_ON_REQUEST" else "Failed"
    if not progress.nodes:
        return Step("stop", state, f"{reason}; no node was touched", page=state == "Failed")
    if trigger not in progress.strategy.rollback_on:
        return Step("stop", state, f"{reason}; {trigger} rolls nothing back here", page=True)
    return Step("roll_back", state, reason, trigger=trigger, page=state == "Failed")


def _trouble(progress: Progress) -> tuple[Trigger | None, str]:
    if progress.stop_requested:
        return "DEPLOYMENT_STOP_ON_REQUEST", f"stopped by {progress.stop_requested}"
    if progress.alarms:
        return "DEPLOYMENT_STOP_ON_ALARM", f"alarms on nodes with the release: {', '.join(progress.alarms)}"
    failed = failed_nodes(progress)
    allowed = at_most(progress.strategy.max_failures, progress.desired)
    if len(failed) > allowed:
        counted = f"{len(failed)} nodes failed, max_failures is {allowed}"
        return "DEPLOYMENT_FAILURE", f"{counted}: {', '.join(failed)}"
    over = not _next_batch(progress)[1]
    if over and not _working(progress):
        return "DEPLOYMENT_FAILURE", "no node runs it and is healthy; at least one must"
    ends_by = progress.started_at + clock.seconds(progress.strategy.deadline_seconds)
    if progress.now >= ends_by and not over:
        return "DEPLOYMENT_FAILURE", f"not over within {progress.strategy.deadline_seconds} s"
    return None, ""


def _baking(progress: Progress) -> Step | None:
    seconds = progress.strategy.bake_seconds
    if progress.batch_ended_at is None or progress.is_rollback:
        return None
    until = progress.batch_ended_at + clock.seconds(seconds)
    if progress.now >= until:
        return None
    return Step("bake", "Baking", f"watches the last batch for {seconds} s", until=until)


def _finished(progress: Progress) -> Step | None:
    if _next_batch(progress)[1]:
        return None
    failed, working = failed_nodes(progress), _working(progress)
    told = f"{len(working)} of {len(progress.nodes)} nodes run it and are healthy"
    if progress.is_rollback and (failed or not working):
        reason = f"{told}; the rollback did not work on {', '.join(failed) or 'any node'}"
        return Step("stop", "Failed", reason, page=True)
    return Step("succeed", "Succeeded", told)


def _held(progress: Progress) -> Step | None:
    """A pause stops new effects, but lets a rollback reach a safe state."""
    if not progress.paused or progress.is_rollback:
        return None
    return Step("wait", "InProgress", f"paused by {progress.paused}")


def _short(progress: Progress) -> Step | None:
    """Taking the batch's healthy nodes must leave enough; what holds a rollback up is the bad release."""
    if progress.is_rollback:
        return None
    least = at_least(progress.strategy.min_healthy, progress.desired)
    _, batch = _next_batch(progress)
    left = len(progress.healthy - set(batch))
    if left >= least or not progress.healthy & set(batch):
        return None
    return Step("wait", "InProgress", f"{left} healthy nodes would be left, min_healthy is {least}")


def _next_batch(progress: Progress) -> tuple[int, tuple[str, ...]]:
    """The first batch with nodes that were not touched: its number, from 1, and those nodes. Else nothing."""
    for number, batch in enumerate(progress.batches, start=1):
        left = tuple(node for node in batch if progress.nodes.get(node, "Pending") == "Pending")
        if left:
            return number, left
    return 0, ()


def _working(progress: Progress) -> frozenset[str]:
    succeeded = {node for node, state in progress.nodes.items() if state == "Succeeded"}
    return frozenset(succeeded - progress.unhealthy)
