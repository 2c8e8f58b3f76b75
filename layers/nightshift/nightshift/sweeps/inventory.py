"""The inventory against what AWS lists: a node that left unheard, an instance that came unheard.

Found: nodes that Auto Scaling does not list any more, that EC2 does not list alive, and whose agent is not
online; instances in service for more than a minute that the inventory never had. Done: ``retire_node`` is
handed the event that was lost, the queue of ``welcome_node`` the other; both do nothing the second time.

A partial inventory is refused as ``inventory.partial`` and nothing is changed: a page of a listing failed, a
group with known nodes is not listed, or more of a group's nodes than the policy's ``inventory.max_vanished``
are listed nowhere at once. It is said with the next round's failure until the listing is whole. When the
nodes have really gone, raise that limit until a round has passed.

An instance that was detached from its group and lives stays in the inventory.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock
from nightshift.aws import functions, inventory, queues
from nightshift.aws.stores import Stores
from nightshift.decisions.inventory import Comparison
from nightshift.sweeps import MARGIN_SECONDS, Here

PERMISSIONS = (
    "autoscaling:DescribeAutoScalingGroups",
    "dynamodb:GetItem",
    "dynamodb:Scan",
    "ec2:DescribeInstances",
    "lambda:InvokeFunction",
    "sqs:SendMessage",
    "ssm:DescribeInstanceInformation",
)


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Compare every group before anything is done; a sentence for each node that left or came.

    Raises Refused ``inventory.partial``.
    """
    _, policy = stores.policies.current()
    names = {name: group.auto_scaling_group for name, group in policy.groups.items()}
    records = list(stores.nodes.listing())
    listed = inventory.grouped(frozenset(names.values()))
    groups = [Comparison(name, asg, records, listed.get(asg)) for name, asg in names.items()]
    missing = frozenset(one for group in groups for one in group.missing)
    hosts = inventory.hosts(missing.union(*(group.unheard for group in groups)))
    online, limit = inventory.online(missing), policy.inventory.max_vanished
    found = [(group, group.changes(hosts, online, limit, now, MARGIN_SECONDS)) for group in groups]
    said = []
    for group, changes in found:
        for node_id in changes.gone:
            event = _event("EC2 Instance Terminate Successful", group, node_id, now)
            functions.hand(here.retire_node_function, event)
            said.append(f"{node_id} has left {group.group} unheard; retire_node is told")
        for node_id in changes.fresh:
            event = _event("EC2 Instance Launch Successful", group, node_id, now)
            queues.send(here.welcome_queue_url, event)
            said.append(f"{node_id} came into {group.group} unheard; welcome_node is told")
    return said


def _event(kind: str, group: Comparison, node_id: str, now: datetime) -> dict[str, object]:
    """The event that Auto Scaling sends when a node came or left."""
    return {
        "id": f"sweep-{node_id}",
        "source": "aws.autoscaling",
        "detail-type": kind,
        "time": clock.iso(now),
        "detail": {"AutoScalingGroupName": group.auto_scaling_group, "EC2InstanceId": node_id},
    }
