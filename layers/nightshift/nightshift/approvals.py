"""Whether an answer to the question of an approval still counts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol

from nightshift import clock
from nightshift.errors import Refused
from nightshift.incident import Approval

Decision = Literal["approved", "denied"]


class Asking(Protocol):
    """What may ask a person: an incident about a remedy, a deployment about its release."""

    @property
    def id(self) -> str:
        """What it is called."""
        ...

    @property
    def approval(self) -> Approval | None:
        """Its question."""
        ...

    @property
    def ended(self) -> str:
        """How it ended; empty while it is not over."""
        ...


def pending(subject: Asking, now: datetime, version: int | None = None) -> Approval:
    """The question of ``subject`` that waits for an answer; ``version`` is what the answer was bound to.

    Raises Refused ``approval.none``, ``approval.superseded``, ``approval.decided``, ``approval.over`` or
    ``approval.expired``, each of which says why the answer does not count.
    """
    asked = subject.approval
    if asked is None:
        raise Refused("approval.none", f"{subject.id} asks for no approval")
    if version is not None and version != asked.version:
        raise Refused(
            "approval.superseded", f"the answer is to question {version}; it is {asked.version} now"
        )
    if asked.decision:
        raise Refused(
            "approval.decided", f"{asked.remedy} was {asked.decision} by {asked.by} at {asked.decided_at}"
        )
    if subject.ended:
        raise Refused("approval.over", f"{subject.id} is {subject.ended} already")
    if now >= clock.parse(asked.expires_at):
        raise Refused(
            "approval.expired", f"an answer was due by {asked.expires_at}; it is {clock.iso(now)} now"
        )
    return asked
