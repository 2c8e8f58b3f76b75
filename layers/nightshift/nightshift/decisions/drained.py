"""What becomes of a node that gets no requests because Nightshift took it out, and nobody works on it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.fleet import GroupState, Node

Health = Literal["healthy", "unhealthy", "unknown"]


@dataclass(frozen=True)
class Standing:
    """``join``: it gets requests again. ``forget``: it is gone. ``stay``: it waits."""

    answer: Literal["join", "forget", "stay"]
    reason: str = ""


def standing(group: GroupState, node_id: str, node: Node | None, health: Health, now: datetime) -> Standing:
    """Only a node that is well, runs what its group should, and has no incident, is put back.

    A ``stay`` with a reason is one that a person must hear of; without one, whoever holds the node puts it
    back himself.
    """
    lease, at = group.leases.get(node_id), clock.iso(now)
    if group.deploying or (lease and lease.expires_at > at):
        return Standing("stay")
    if node is None or node.state == "terminated":
        return Standing("forget", "it has left the group")
    wanted = group.desired_release.version if group.desired_release else node.release
    if node_id in group.troubled:
        return Standing("stay", f"its incident {group.troubled[node_id]} is not over")
    if node.release != wanted:
        return Standing("stay", f"it runs {node.release or 'nothing that is known'}, and not {wanted}")
    if health != "healthy":
        return Standing("stay", f"its samples say {health}")
    return Standing("join", "it is well, runs what it should, and nobody works on it")
