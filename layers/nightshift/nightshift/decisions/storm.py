"""Storms: when many nodes of a group are ill at once, the cause is elsewhere, and healing waits.

An incident first waits a short time for others (``gather``), then the group's ill subjects are counted
from a fresh read of the group, not from the events that happened to arrive. All of them are children
of one storm incident, which holds the only page. Healing goes on after the storm's cool-down.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nightshift import clock
from nightshift.amounts import at_most
from nightshift.decisions.situation import Admission, Change, Situation
from nightshift.events import STORM
from nightshift.fleet import GroupState, Storm


def storm_itself(situation: Situation) -> Admission | None:
    """A storm's own incident is for a person: nothing is applied to a group as a whole."""
    if situation.incident.symptom != STORM or situation.incident.state != "open":
        return None
    return situation.refuse("storm_itself", situation.incident.reason)


def gather(situation: Situation) -> Admission | None:
    """A fresh incident waits a moment, so that the others of the same cause are counted with it."""
    if not situation.untouched:
        return None
    wait = situation.healing.storm.gather_seconds
    until = clock.parse(situation.incident.opened_at) + clock.seconds(wait)
    if situation.now >= until:
        return None
    return situation.wait("gather", f"waits {wait} s for other incidents of the group", until)


def storm(situation: Situation) -> Admission | None:
    """More ill nodes than the policy lets one heal one by one: hold healing, page once for all."""
    group, capacity, settings = situation.group, situation.capacity, situation.healing.storm
    if group is None or capacity is None:
        return None
    allowed = max(1, at_most(settings.max_unhealthy, capacity.desired))
    ill = len(group.troubled)
    counted = (
        f"{ill} of {capacity.desired} nodes of {group.group} are unhealthy; a storm is more than {allowed}"
    )
    if ill > allowed:
        if group.storm is None:
            return _held(situation, f"storm: {counted}", "began")
        return _held(situation, f"storm: {counted}", "again" if group.storm.calm_since else "")
    if group.storm is None:
        return None
    return _calming(situation, group, counted)


def course(storm: Storm, rest: int, now: datetime) -> Change:
    """What a storm does now that no more than allowed are ill; ``rest`` is its cool-down in seconds."""
    if storm.calm_since is None:
        return "calm"
    return "over" if now >= clock.parse(storm.calm_since) + clock.seconds(rest) else ""


def _calming(situation: Situation, group: GroupState, counted: str) -> Admission | None:
    if group.storm is None:
        return None
    rest = situation.healing.storm.cooldown_seconds
    change = course(group.storm, rest, situation.now)
    if change == "calm" or group.storm.calm_since is None:
        return _held(situation, f"the storm calms: {counted}; rests {rest} s", "calm")
    if change == "over":
        return _held(situation, f"the storm is over: {counted}", "over")
    over = clock.parse(group.storm.calm_since) + clock.seconds(rest)
    return situation.wait("storm", f"the storm is calm since {group.storm.calm_since}; rests {rest} s", over)


def _held(situation: Situation, reason: str, change: Change) -> Admission:
    """A change of the weather is written down, and then looked at again at once."""
    soon = situation.now + clock.seconds(1) if change else None
    return replace(situation.wait("storm", reason, soon), storm=change)
