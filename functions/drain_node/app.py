"""Before a remedy interrupts a node: give it no new request, and wait until it has answered the old ones."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, traffic
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.fleet import GroupState
from nightshift.incident import Incident
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.settings import Settings

logger = Logger()
ACTOR = "drain_node"
LOOK_SECONDS = 2


class Environment(Settings):
    """The tables."""

    incidents_table: str
    journal_table: str
    groups_table: str
    policies_table: str


class Request(BaseModel):
    """Which incident's node is to be interrupted."""

    incident_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer whether the node still has requests to answer, and when to look again."""
    request, now = envelopes.read(Request, event), clock.now()
    reason = drain(request.incident_id, now)
    logger.info("drain", incident_id=request.incident_id, reason=reason or "it answers no request")
    until = clock.iso(now + clock.seconds(LOOK_SECONDS))
    return {"draining": bool(reason), "drained_reason": reason, "look_again": until}


def drain(incident_id: str, now: datetime) -> str:
    """Why it must be waited for; empty when it need not.

    That the node is out is written down before it leaves, so that whoever comes after a crash puts it back.
    An ill node may never answer: it is waited for no longer than a remedy may take to show its effect.
    """
    stores = Stores.of(Environment)
    incident = stores.incidents.get(incident_id)
    _, policy = stores.policies.current()
    group = stores.groups.get(incident.group)
    if group is None or incident.group not in policy.groups or not _holds(incident, group):
        return ""  # whoever acts next finds that out, and does nothing
    switch, node = traffic.of(policy.groups[incident.group]), incident.node_id
    if node not in group.drained:
        note = Note("traffic", ACTOR, "leaves", f"{node} gets no new request while it is acted on", {})
        stores.incidents.record(incident, now, note, stores.groups.drain(group.group, node, incident_id))
    waiting = switch.leave([node])
    limit = _admitted_at(incident, group, policy) + clock.seconds(
        policy.healing_of(incident.group).verify_timeout_seconds
    )
    return f"{node} still answers requests" if waiting and now < limit else ""


def _holds(incident: Incident, group: GroupState) -> bool:
    lease = group.leases.get(incident.node_id)
    return lease is not None and lease.incident_id == incident.incident_id


def _admitted_at(incident: Incident, group: GroupState, policy: Policy) -> datetime:
    expires = clock.parse(group.leases[incident.node_id].expires_at)
    return expires - clock.seconds(policy.healing_of(incident.group).lease_seconds)
