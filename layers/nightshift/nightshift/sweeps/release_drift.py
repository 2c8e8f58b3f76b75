"""Nodes whose release differs from the one that their group was brought to.

A node may have missed a deployment, or somebody changed it by hand. Found: nodes in service whose recorded
release is not the group's deployed one (its desired one, where nothing was deployed or it was rolled back).
A node under a lease is being worked on and left out; so are, while a deployment bakes, those that it has not
reached. Done: nothing but saying so, in one sentence for each group, in each round until it is mended.

It compares what Nightshift installed, not what runs on the node.
"""

from __future__ import annotations

from datetime import datetime

from nightshift.aws.stores import Stores
from nightshift.decisions import release_drift
from nightshift.sweeps import Here

PERMISSIONS = ("dynamodb:GetItem", "dynamodb:Scan")


def run(stores: Stores, _here: Here, now: datetime) -> list[str]:
    """A sentence for each group with nodes that run something else."""
    said = []
    _, policy = stores.policies.current()
    nodes = [node for node in stores.nodes.listing() if node.state == "in_service"]
    for name in policy.groups:
        group = stores.groups.get(name)
        found = release_drift.drifted(group, nodes, now) if group else []
        if group and found:
            serving = sum(node.group == name for node in nodes)
            said.append(release_drift.sentence(group, found, serving))
    return said
