"""A storm whose last member is gone, and a member that is none any more.

A storm is calmed and ended by the next admission in its group; when its last member ends before the
cool-down is over, there is none. A page is over when its alarm is quiet, and a node that left took its
alarms with it. Found: groups with a storm and no ill subject; ill subjects whose incident is over or not
stored; pages about a node that has left, in a group that is whole again. Done: the storm is calmed and, after
its cool-down, ended as admission would have; the subject is struck off; ``SignalCleared`` is published.

A storm with ill subjects is left to admission, also when all of them are with a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from nightshift import clock
from nightshift.aws import auto_scaling, tables
from nightshift.aws.stores import Stores
from nightshift.decisions.storm import course
from nightshift.errors import Conflict, Refused
from nightshift.events import SignalCleared, traceparent
from nightshift.fleet import GroupState
from nightshift.incident import Incident
from nightshift.sweeps import Here

PERMISSIONS = (
    "autoscaling:DescribeAutoScalingGroups",
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "events:PutEvents",
)


def run(stores: Stores, _here: Here, now: datetime) -> list[str]:
    """Forget who is ill no more, then end what nobody is left to end; the sentences say which."""
    said = []
    _, policy = stores.policies.current()
    for name in policy.groups:
        group = stores.groups.get(name)
        if group is None:
            continue
        said += [
            sentence
            for subject in sorted(group.troubled)
            for sentence in _member(stores, group, subject, now)
        ]
        if group.storm and not group.troubled:
            said += _ebb(stores, group, policy.healing_of(name).storm.cooldown_seconds, now)
    return said


def _member(stores: Stores, group: GroupState, subject: str, now: datetime) -> Iterator[str]:
    """What a subject that counts as ill needs, if it is not."""
    incident_id = group.troubled[subject]
    incident = stores.incidents.find(incident_id)
    if incident is None or incident.state not in {"open", "escalated"}:
        try:
            tables.write(stores.groups.strike(group.group, subject, incident_id))
        except Conflict:
            return  # struck off, or ill of something else, since it was read
        state = incident.state if incident else "not stored"
        yield f"{subject} is not ill any more in {group.group}: {incident_id} is {state}"
    elif incident.state == "escalated" and _left(stores, incident):
        yield from _clear(stores, incident, now)


def _left(stores: Stores, incident: Incident) -> bool:
    """Whether an incident's node has gone, and its group misses none: nothing is left of the problem."""
    node = stores.nodes.get(incident.node_id)
    if node is None or node.state != "terminated":
        return False
    try:
        capacity = auto_scaling.capacity(node.auto_scaling_group)
    except Refused:
        return True  # the group has gone as well
    return len(capacity.in_service) >= capacity.desired


def _clear(stores: Stores, incident: Incident, now: datetime) -> Iterator[str]:
    for symptom, heard in incident.symptoms.items():
        if heard.cleared_at:
            continue
        signal = SignalCleared(
            occurred_at=clock.iso(now),
            traceparent=traceparent(incident.incident_id, symptom),
            subject=incident.subject,
            symptom=symptom,
            alarm=heard.alarm,
            reason=f"{incident.node_id} has left, and its group is whole",
        )
        stores.bus.publish(signal)
        yield f"SignalCleared for {incident.subject}: {signal.reason}"


def _ebb(stores: Stores, group: GroupState, rest: int, now: datetime) -> list[str]:
    """What a storm without members does, as admission would write it down."""
    change = course(group.storm, rest, now) if group.storm else ""
    if not change:
        return []
    reason = f"nobody in {group.group} is ill"
    try:
        stores.weather.note(group, change, reason, now)
    except Conflict:
        return []  # somebody else has seen it, or a member has come
    return [f"the storm in {group.group} is {change}: {reason}"]
