"""Whether an answer to the question of an approval still counts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.errors import Refused
from nightshift.incident import Approval, Incident

Decision = Literal["approved", "denied"]


def pending(incident: Incident, now: datetime, version: int | None = None) -> Approval:
    """The question of ``incident`` that waits for an answer; ``version`` is what the answer was bound to.

    Raises Refused ``approval.none``, ``approval.superseded``, ``approval.decided``, ``approval.over`` or
    ``approval.expired``, each of which says why the answer does not count.
    """
    asked = incident.approval
    if asked is None:
        raise Refused("approval.none", f"{incident.incident_id} asks for no approval")
    if version is not None and version != asked.version:
        raise Refused(
            "approval.superseded", f"the answer is to question {version}; it is {asked.version} now"
        )
    if asked.decision:
        raise Refused(
            "approval.decided", f"{asked.remedy} was {asked.decision} by {asked.by} at {asked.decided_at}"
        )
    if incident.state != "open":
        raise Refused("approval.over", f"the incident is {incident.state} already")
    if now >= clock.parse(asked.expires_at):
        raise Refused(
            "approval.expired", f"an answer was due by {asked.expires_at}; it is {clock.iso(now)} now"
        )
    return asked
