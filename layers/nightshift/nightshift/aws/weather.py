"""A group's storm: noted in its group, and told on the bus, where its own incident begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.bus import Bus
from nightshift.aws.groups import Groups
from nightshift.aws.incidents import Incidents
from nightshift.events import STORM, SignalCleared, SignalRaised, of_group, traceparent
from nightshift.fleet import GroupState, Storm


@dataclass(frozen=True)
class Weather:
    """Writes down what storms do, for whoever sees it first."""

    groups: Groups
    incidents: Incidents
    bus: Bus

    def note(
        self,
        group: GroupState,
        change: Literal["", "began", "calm", "again", "over"],
        reason: str,
        at: datetime,
    ) -> str:
        """Write down a storm's change, and tell it; returns the id of the storm's own incident, if it rages.

        Telling is repeated until it is known: whoever opens and closes incidents ignores what it heard
        before. Raises Conflict when somebody else has written down another change.
        """
        now = clock.iso(at)
        storm = group.storm or Storm(incident_id=_raised(group.group, now, reason).incident_id, began_at=now)
        if change == "over":
            self.bus.publish(_cleared(group.group, storm, now, reason))
            tables.write(self.groups.weather(group.group, group.storm, None))
            return ""
        if change:
            after = storm.model_copy(update={"calm_since": now if change == "calm" else None})
            tables.write(self.groups.weather(group.group, group.storm, after))
        if self.incidents.find(storm.incident_id) is None:
            self.bus.publish(_raised(group.group, storm.began_at, reason))
        return storm.incident_id


def _raised(group: str, at: str, reason: str) -> SignalRaised:
    subject = of_group(group)
    return SignalRaised(
        occurred_at=at,
        traceparent=traceparent(subject, at),
        subject=subject,
        symptom=STORM,
        alarm=STORM,
        held_since=at,
        reason=reason,
    )


def _cleared(group: str, storm: Storm, at: str, reason: str) -> SignalCleared:
    return SignalCleared(
        occurred_at=at,
        traceparent=traceparent(storm.incident_id, at),
        subject=of_group(group),
        symptom=STORM,
        alarm=STORM,
        reason=reason,
    )
