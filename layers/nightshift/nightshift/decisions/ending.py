"""How a deployment ends: what takes it back, how its release fared, and what its groups remember of it.

Pure. ``outcome`` is the deployment's last state: Succeeded, Failed or Stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.decisions.recorded import Undoing
from nightshift.decisions.rollback import Way
from nightshift.deployment import Deployment, undo_of
from nightshift.fleet import Deployed, GroupState, Lease, Release
from nightshift.releases import Built, Standing

Outcome = Literal["Succeeded", "Failed", "Stopped"]


def can_be_undone(deployment: Deployment) -> bool:
    """Nothing that goes to what was good is undone itself, nor is what touched nothing.

    What is blue-green is taken back by its front.
    """
    forward = deployment.kind in ("push", "manual") and deployment.crossing is None
    return forward and bool(deployment.nodes)


def undoing(deployment: Deployment, known: Sequence[Built]) -> Undoing:
    """What the way back is found in, of the app's releases ``known``."""
    touched = {node: one.started_at for node, one in deployment.nodes.items()}
    failing = deployment.release.version if deployment.release else ""
    return Undoing(tuple(known), deployment.group, failing, touched)


def undo(deployment: Deployment, way: Way, reason: str, now: datetime) -> Deployment | None:
    """The deployment that takes this one back: its nodes, the last touched first, in its largest batches.

    None when the ``way`` leads nowhere.
    """
    target = way.target
    if target is None:
        return None
    size = max(len(batch) for batch in deployment.batches)
    return Deployment(
        deployment_id=undo_of(deployment.deployment_id, now),
        app=deployment.app,
        group=deployment.group,
        kind="rollback",
        state="InProgress",
        by=deployment.by,
        commit=target.commit,
        author=target.author,
        message=target.message,
        release=target.artifact,
        undoes=deployment.deployment_id,
        reason=f"undoes {deployment.deployment_id}: {reason}",
        batches=tuple(way.nodes[at : at + size] for at in range(0, len(way.nodes), size)),
        desired=deployment.desired,
        fence=deployment.fence,
        troubled_before=deployment.troubled_before,
        created_at=clock.iso(now),
        planned_at=clock.iso(now),
    )


def heirs(group: GroupState, deployment_id: str, undo_id: str) -> dict[str, Lease]:
    """The leases that a rollback inherits, so that nobody comes between; none without a rollback."""
    return {
        node: one.model_copy(update={"incident_id": undo_id})
        for node, one in group.leases.items()
        if undo_id and one.incident_id == deployment_id
    }


def desired(deployment: Deployment, outcome: Outcome) -> Release | None:
    """What every node of its group should run from now on; None when that stays as it was."""
    return deployment.release if outcome == "Succeeded" and deployment.kind != "converge" else None


def suspected(deployment: Deployment, outcome: Outcome, seconds: int, now: datetime) -> Deployed | None:
    """What is suspected first when nodes fall ill within ``seconds``; None when nothing is.

    What is blue-green is taken back by its front, which nobody switches after the end.
    """
    brought = outcome == "Succeeded" and deployment.kind in ("push", "manual")
    if not brought or deployment.release is None or deployment.crossing:
        return None
    return Deployed(
        deployment_id=deployment.deployment_id,
        version=deployment.release.version,
        suspected_until=clock.iso(now + clock.seconds(seconds)),
        nodes=tuple(working(deployment)),
    )


def standing(deployment: Deployment, outcome: Outcome, now: datetime) -> Standing | None:
    """Good when it lasted, failed for ever when nodes were touched in vain; None when it says nothing.

    A stop does not, nor does what one node does, nor that what was good before could not be brought back.
    """
    if outcome == "Stopped" or not deployment.nodes or deployment.kind == "converge":
        return None
    if outcome == "Failed" and deployment.kind == "rollback":
        return None
    state: Literal["good", "failed"] = "good" if outcome == "Succeeded" else "failed"
    return Standing(state=state, at=clock.iso(now), deployment_id=deployment.deployment_id)


def guilty(deployment: Deployment, group: GroupState | None) -> Deployed | None:
    """What a rollback takes back because it made nodes ill after its end; None for every other deployment."""
    deployed = group.deployed if group else None
    return deployed if deployed and deployed.rolled_back_by == deployment.deployment_id else None


def working(deployment: Deployment) -> list[str]:
    """The nodes that it was brought to, by name."""
    return sorted(node for node, one in deployment.nodes.items() if one.state == "Succeeded")
