"""A node that gets no requests because Nightshift took it out, and that nobody works on.

Before a node is interrupted (by a remedy or a deployment) it leaves what stands before its group, and whoever
took it out puts it back when it was found well. A function may die between; a node that failed stays out on
purpose. Found: nodes that are written down as out, in groups that are not deployed to, without a lease.
Done: one that is well by samples of now, runs its group's release and has no incident gets requests again;
one that left the group is forgotten; of every other one it is said in each round why it is out.

A node that somebody else took out was never written down, and is left alone.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import traffic
from nightshift.aws import group_health, tables
from nightshift.aws.stores import Stores
from nightshift.decisions import drained
from nightshift.errors import Conflict
from nightshift.fleet import GroupState
from nightshift.policy import Policy
from nightshift.sweeps import Here

PERMISSIONS = (
    "dynamodb:GetItem",
    "dynamodb:Scan",
    "dynamodb:UpdateItem",
    "dynamodb:BatchGetItem",
    "cloudwatch:GetMetricData",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:DescribeTargetHealth",
)


def run(stores: Stores, _here: Here, now: datetime) -> list[str]:
    """A sentence for each node that is put back, forgotten, or still out."""
    said = []
    _, policy = stores.policies.current()
    for name, settings in policy.groups.items():
        group = stores.groups.get(name) if settings.traffic else None
        if group and group.drained:
            said += _swept(stores, group, policy, now)
    return said


def _swept(stores: Stores, group: GroupState, policy: Policy, now: datetime) -> list[str]:
    said, switch = [], traffic.of(policy.groups[group.group])
    known = {node.node_id: node for node in stores.nodes.listing()}
    seen = group_health.look(stores.nodes, stores.inspections, policy, group, group.drained, now)
    for node_id in sorted(group.drained):
        found = drained.standing(group, node_id, known.get(node_id), seen.health(node_id), now)
        if found.answer == "stay":
            said += [f"{node_id} of {group.group} gets no requests: {found.reason}"] if found.reason else []
            continue
        if found.answer == "join" and switch.join([node_id]):
            said.append(f"{node_id} of {group.group} is being given requests again: {found.reason}")
            continue
        try:
            tables.write(stores.groups.serve(group.group, [node_id], fence=group.fence))
        except Conflict:
            continue  # somebody works on a node of the group since it was read
        said.append(f"{node_id} of {group.group} is out no more: {found.reason}")
    return said
