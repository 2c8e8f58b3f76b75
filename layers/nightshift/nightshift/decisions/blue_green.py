"""Blue-green: what a deployment to the idle group does next, with its reason.

Pure, like ``rollout``, whose steps it answers. Until requests are switched nothing that serves is touched;
afterwards switching back is the way back. Every node of the group must run the release and be well then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nightshift import clock
from nightshift.amounts import at_least
from nightshift.decisions.rollout import NodeState, State, Step
from nightshift.strategy import Strategy, Trigger


@dataclass(frozen=True)
class Crossed:
    """A blue-green deployment as it is now, read fresh.

    ``nodes`` says what came of each node that was touched; ``units`` are all of the group in service,
    ``healthy`` and ``unhealthy`` those known to be so. ``intended`` says that requests may be sent there,
    ``switched_at`` since when they are.
    """

    now: datetime
    started_at: datetime
    strategy: Strategy
    desired: int
    serving: str
    nodes: Mapping[str, NodeState] = field(default_factory=dict)
    units: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    unhealthy: frozenset[str] = frozenset()
    intended: bool = False
    switched_at: datetime | None = None
    alarms: tuple[str, ...] = ()
    stop_requested: str = ""
    paused: str = ""


def next_step(crossed: Crossed) -> Step:
    """What a running blue-green deployment does now; the first of these that applies decides."""
    for rule in (_running, _undone, _baking, _finished, _held, _untouched, _unproven):
        step = rule(crossed)
        if step:
            return replace(step, rule=rule.__name__.strip("_"))
    return Step("switch", "InProgress", f"all {len(crossed.units)} nodes run it and are healthy")


def _running(crossed: Crossed) -> Step | None:
    running = sorted(node for node, state in crossed.nodes.items() if state == "InProgress")
    if not running:
        return None
    return Step("wait", "InProgress", f"{len(running)} nodes are being deployed to: {', '.join(running)}")


def _undone(crossed: Crossed) -> Step | None:
    """Before the switch it only ends; once a switch was intended, requests go back to where they were."""
    trigger, reason = _trouble(crossed)
    if trigger is None:
        return None
    state: State = "Stopped" if trigger == "DEPLOYMENT_STOP_ON_REQUEST" else "Failed"
    page = state == "Failed"
    if crossed.intended:
        told = f"{reason}; requests go back to {crossed.serving}"
        return Step("roll_back", state, told, trigger=trigger, page=page)
    told = f"{reason}; requests still go to {crossed.serving}"
    return Step("stop", state, told, trigger=trigger, page=page)


def _trouble(crossed: Crossed) -> tuple[Trigger | None, str]:
    if crossed.stop_requested:
        return "DEPLOYMENT_STOP_ON_REQUEST", f"stopped by {crossed.stop_requested}"
    if crossed.alarms:
        return "DEPLOYMENT_STOP_ON_ALARM", f"alarms on nodes with the release: {', '.join(crossed.alarms)}"
    failed = sorted(
        node
        for node, state in crossed.nodes.items()
        if state in {"Failed", "Unknown"} or node in crossed.unhealthy
    )
    if failed:
        return "DEPLOYMENT_FAILURE", f"{len(failed)} nodes failed: {', '.join(failed)}"
    if crossed.switched_at and not crossed.units & set(crossed.nodes):
        return "DEPLOYMENT_FAILURE", "no node with the release is in service any more"
    seconds = crossed.strategy.deadline_seconds
    if crossed.now >= crossed.started_at + clock.seconds(seconds) and not _baked(crossed):
        return "DEPLOYMENT_FAILURE", f"not over within {seconds} s"
    return None, ""


def _baked(crossed: Crossed) -> bool:
    bake = clock.seconds(crossed.strategy.bake_seconds)
    return crossed.switched_at is not None and crossed.now >= crossed.switched_at + bake


def _baking(crossed: Crossed) -> Step | None:
    if crossed.switched_at is None or _baked(crossed):
        return None
    seconds = crossed.strategy.bake_seconds
    until = crossed.switched_at + clock.seconds(seconds)
    return Step("bake", "Baking", f"has the requests, and is watched for {seconds} s", until=until)


def _finished(crossed: Crossed) -> Step | None:
    if crossed.switched_at is None:
        return None
    told = f"{len(crossed.nodes)} nodes have the requests; {crossed.serving} keeps what it runs"
    return Step("succeed", "Succeeded", told)


def _held(crossed: Crossed) -> Step | None:
    if not crossed.paused:
        return None
    return Step("wait", "InProgress", f"paused by {crossed.paused}")


def _untouched(crossed: Crossed) -> Step | None:
    """All that is in service, at once: nobody sends them requests. Who came meanwhile is among them."""
    left = tuple(sorted(crossed.units - set(crossed.nodes)))
    if not left:
        return None
    return Step("next_batch", "InProgress", f"{len(left)} nodes that get no requests", batch=left)


def _unproven(crossed: Crossed) -> Step | None:
    """A switch needs every node in service to be known as well, and enough of them."""
    least = max(1, at_least(crossed.strategy.min_healthy, crossed.desired))
    doubtful = sorted(crossed.units - crossed.healthy)
    if doubtful:
        return Step("wait", "InProgress", f"{', '.join(doubtful)} must be seen healthy before the switch")
    if len(crossed.healthy) < least:
        return Step("wait", "InProgress", f"{len(crossed.healthy)} healthy nodes, min_healthy is {least}")
    return None
