"""Which nodes of a group run another release than the one that the group was brought to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from nightshift import clock
from nightshift.fleet import GroupState, Node

NAMED = 5  # nodes in a sentence


def wanted(group: GroupState) -> str:
    """The version that a group's nodes should run; empty when it was never brought to one."""
    return group.desired_release.version if group.desired_release else ""


def drifted(group: GroupState, nodes: Iterable[Node], now: datetime) -> list[Node]:
    """The nodes in service that run something else, by name.

    A node under a lease is being worked on; so is the whole group while it is deployed to.
    """
    version, at = wanted(group), clock.iso(now)
    held = {node_id for node_id, lease in group.leases.items() if lease.expires_at > at}
    found = [
        node
        for node in nodes
        if version
        and not group.deploying
        and (node.group, node.state) == (group.group, "in_service")
        and node.release != version
        and node.node_id not in held
    ]
    return sorted(found, key=lambda node: (node.name, node.node_id))


def sentence(group: GroupState, found: list[Node], serving: int) -> str:
    """What a person is told of ``found``, out of ``serving`` nodes in service."""
    named = ", ".join(f"{node.name} runs {node.release or 'no release'}" for node in found[:NAMED])
    more = f", and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return f"{len(found)} of {serving} nodes of {group.group} do not run {wanted(group)}: {named}{more}"
