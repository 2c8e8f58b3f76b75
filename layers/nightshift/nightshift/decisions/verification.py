"""Did an action help? The symptoms must stay gone, and what the action was to bring about must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nightshift import clock
from nightshift.decisions.health import Verdict, judge
from nightshift.fleet import Capacity
from nightshift.incident import Sample
from nightshift.policy_healing import Healing
from nightshift.policy_symptoms import Symptom

SOON = timedelta(seconds=2)


@dataclass(frozen=True)
class Replacement:
    """A node that took another's place: whether the inventory knows it, and its Auto Scaling group."""

    node_id: str
    known: bool
    auto_scaling_group: str = ""
    capacity: Capacity | None = None


@dataclass(frozen=True)
class Aftermath:
    """What is known after an action at ``acted_at``; ``samples`` reach back to it.

    ``replacement`` stands after a node was replaced. ``in_traffic`` says whether a node that was taken out
    is found healthy by what sends requests to it.
    """

    now: datetime
    acted_at: str
    symptoms: Mapping[str, Symptom]
    samples: Mapping[str, Sequence[Sample]]
    healing: Healing
    replacement: Replacement | None = None
    in_traffic: bool = True


def verify(aftermath: Aftermath) -> Verdict:
    """Judge by samples; where those are good, the replacement and the traffic must be so too."""
    verdict = judge(
        aftermath.symptoms, aftermath.samples, aftermath.acted_at, aftermath.now, aftermath.healing
    )
    if verdict.state != "healthy":
        return verdict
    return _replaced(aftermath) or _served(aftermath) or verdict


def _replaced(aftermath: Aftermath) -> Verdict | None:
    """After a replacement the group must also count as many nodes InService as it wants."""
    fresh = aftermath.replacement
    if fresh is None:
        return None
    if not fresh.known or fresh.capacity is None:
        return Verdict("unhealthy", f"the successor {fresh.node_id} is not in the inventory")
    serving, wanted = fresh.capacity.in_service, fresh.capacity.desired
    if fresh.node_id in serving and len(serving) >= wanted:
        return None
    reason = f"{len(serving)} of {wanted} nodes of {fresh.auto_scaling_group} are InService"
    if aftermath.now >= _after(aftermath, aftermath.healing.verify_timeout_seconds):
        return Verdict("unhealthy", reason)
    return Verdict("undecided", reason, aftermath.now + SOON)


def _served(aftermath: Aftermath) -> Verdict | None:
    """What sends requests takes its time to find a node healthy, and gets twice as long as the symptoms."""
    if aftermath.in_traffic:
        return None
    seconds = 2 * aftermath.healing.verify_timeout_seconds
    if aftermath.now < _after(aftermath, seconds):
        return Verdict(
            "undecided", "it is not found healthy yet where requests come from", aftermath.now + SOON
        )
    reason = f"not found healthy where requests come from {seconds} s after the action"
    return Verdict("unhealthy", reason)


def _after(aftermath: Aftermath, seconds: int) -> datetime:
    return clock.parse(aftermath.acted_at) + clock.seconds(seconds)
