"""What a composite alarm means: the node and the symptom of the node alarm that triggered it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nightshift import clock
from nightshift.envelopes import AlarmStateChange
from nightshift.errors import Refused
from nightshift.policy import Policy

_NODE_ALARM = re.compile(r"(?P<symptom>[a-z][a-z0-9_-]*)-(?P<node>i-[0-9a-f]{8,17})")


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class _State(_Shape):
    value: str
    timestamp: str


class _Triggering(_Shape):
    arn: str
    state: _State


class _ReasonData(_Shape):
    triggering_alarms: tuple[_Triggering, ...] = Field((), alias="triggeringAlarms")


@dataclass(frozen=True)
class _Named:
    node: str
    symptom: str
    since: str


def meaning(event: AlarmStateChange, policy: Policy, alarm_prefix: str) -> tuple[str, str, str]:
    """Subject, symptom, and since when, by ``triggeringAlarms`` that changed to the composite's own state.

    Several alarms of one node mean the first of them: each speaks for itself as well. Raises Refused
    ``signal.no_subject`` when they are about no node or several, ``signal.unknown_symptom``.
    """
    triggering = _triggering(event)
    same = [one for one in triggering if one.state.value == event.detail.state.value]
    named = [found for one in same if (found := _named(one, alarm_prefix))]
    nodes = sorted({one.node for one in named})
    if len(nodes) != 1:
        raise Refused(
            "signal.no_subject",
            f"composite alarm {event.detail.alarm_name} names {len(nodes)} nodes by the {len(same)} of"
            f" {len(triggering)} triggering alarms that are {event.detail.state.value}; exactly one is needed"
            + (
                f": {', '.join(nodes)}"
                if nodes
                else f", by an alarm called {alarm_prefix}<symptom>-<node id>"
            ),
        )
    return _known(event, named, policy)


def _known(event: AlarmStateChange, named: Sequence[_Named], policy: Policy) -> tuple[str, str, str]:
    for one in named:
        if one.symptom in policy.symptoms:
            return one.node, one.symptom, one.since
    said = ", ".join(sorted({one.symptom for one in named}))
    raise Refused(
        "signal.unknown_symptom",
        f"composite alarm {event.detail.alarm_name} was triggered by {said}: no symptom of the policy",
    )


def _triggering(event: AlarmStateChange) -> tuple[_Triggering, ...]:
    try:
        return _ReasonData.model_validate_json(event.detail.state.reason_data or "{}").triggering_alarms
    except ValidationError:
        return ()


def _named(one: _Triggering, alarm_prefix: str) -> _Named | None:
    name = one.arn.partition(":alarm:")[2]
    if not name.startswith(alarm_prefix):
        return None
    found = _NODE_ALARM.fullmatch(name.removeprefix(alarm_prefix))
    since = clock.iso(clock.parse(one.state.timestamp))
    return _Named(found["node"], found["symptom"], since) if found else None
