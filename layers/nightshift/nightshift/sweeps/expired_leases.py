"""A lease whose incident is over, or that has expired.

Leases are given back in the transaction that closes an incident, and what has expired counts nowhere; what
still stands here is what a group's history (a policy that renamed it, an item that was restored) left behind.
Found: the leases in each group's item whose incident has ended or is not stored, and those past their
expiry. Done: they are removed, each under the fence that was read, so that a lease taken meanwhile stays.
An incident that is over waits for no successor any more; an open one keeps that, and loses only the lease.

A lease that does not expire yet and belongs to an open incident is never taken. One that something else
than an incident holds (a deployment) is judged by its expiry alone.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.stores import Stores
from nightshift.errors import Conflict
from nightshift.fleet import Lease
from nightshift.incident import Incident
from nightshift.sweeps import Here

PERMISSIONS = ("dynamodb:GetItem", "dynamodb:UpdateItem")
INCIDENT = "inc-"


def run(stores: Stores, _here: Here, now: datetime) -> list[str]:
    """Give back what nobody holds any more; a sentence for each lease."""
    said = []
    _, policy = stores.policies.current()
    for name in policy.groups:
        group = stores.groups.get(name)
        for node_id, lease in sorted(group.leases.items()) if group else ():
            incident = (
                stores.incidents.find(lease.incident_id) if lease.incident_id.startswith(INCIDENT) else None
            )
            reason = _ended(lease, incident, now)
            if not reason:
                continue
            alive = incident is not None and incident.state == "open"
            try:
                tables.write(stores.groups.reap(name, node_id, lease, replacement=not alive))
            except Conflict:
                continue  # given back, or taken anew, since it was read
            said.append(f"the lease of {lease.incident_id} on {node_id} in {name} is given back: {reason}")
    return said


def _ended(lease: Lease, incident: Incident | None, now: datetime) -> str:
    """Why nobody holds the lease; empty while somebody does."""
    if clock.iso(now) >= lease.expires_at:
        return f"it expired at {lease.expires_at}"
    if incident is not None:
        return "" if incident.state == "open" else f"its incident is {incident.state}"
    return "there is no such incident" if lease.incident_id.startswith(INCIDENT) else ""
