"""A symptom right after a deployment: the release is suspected first, and rolled back instead of healed."""

from __future__ import annotations

from dataclasses import replace

from nightshift import clock
from nightshift.decisions.situation import Admission, Situation
from nightshift.deployment import undo_of
from nightshift.fleet import Deployed, GroupState


def fresh_release(situation: Situation) -> Admission | None:
    """Delegate to a rollback, once per release, while it is suspected.

    Only for symptoms that a release can cause, on nodes that run it, when ``min_affected`` of them are
    ill and they do worse than the nodes that were not touched. Whoever asks while the release is being
    taken back is delegated to that same rollback: its node is not healed on the way.
    """
    group, symptom = situation.group, situation.next_rung()[0]
    deployed = group.deployed if group else None
    if group is None or deployed is None or situation.incident.node_id not in deployed.nodes:
        return None
    if not situation.untouched or not situation.symptoms[symptom].by_release:
        return None
    if deployed.rolled_back_by:
        reason = f"{deployed.version} is being rolled back by {deployed.rolled_back_by}"
        return _delegated(situation, reason, deployed.rolled_back_by)
    if clock.iso(situation.now) >= deployed.suspected_until:
        return None
    desired = situation.capacity.desired if situation.capacity else 0
    ill, touched, others_ill, others = _compared(group, deployed, desired)
    if ill < situation.healing.min_affected or ill * others <= others_ill * touched:
        return None
    reason = (
        f"{ill} of {touched} nodes with {deployed.version} are ill, {others_ill} of {others} without it;"
        f" it is suspected until {deployed.suspected_until}: {deployed.deployment_id} is rolled back"
    )
    return _delegated(situation, reason, undo_of(deployed.deployment_id, situation.now))


def _delegated(situation: Situation, reason: str, to: str) -> Admission:
    return replace(situation.wait("fresh_release", reason), answer="delegate", delegate_to=to)


def _compared(group: GroupState, deployed: Deployed, desired: int) -> tuple[int, int, int, int]:
    """Ill and all nodes with the release, ill and all nodes without; no node without counts as a well one."""
    touched = set(deployed.nodes)
    ill = len(touched & set(group.troubled))
    others_ill = len(set(group.troubled) - touched)
    return ill, len(touched), others_ill, max(desired - len(touched), others_ill, 1)
