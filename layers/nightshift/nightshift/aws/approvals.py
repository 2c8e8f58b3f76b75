"""Questions to a person: asked and answered once, in the same transaction as the journal's entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nightshift import approvals, clock
from nightshift.approvals import Decision
from nightshift.aws import executions
from nightshift.aws.incidents import Incidents
from nightshift.aws.steps import Steps
from nightshift.aws.tables import Write
from nightshift.errors import Refused
from nightshift.incident import Approval, Incident, Step
from nightshift.journal import Note


@dataclass(frozen=True)
class Approvals:
    """The approval of each incident, and the step whose token waits for it."""

    incidents: Incidents
    steps: Steps

    def ask(self, incident: Incident, asked: Approval, token: str, note: Note, *more: Write) -> Incident:
        """Record a new question with the token that waits for its answer.

        Raises Conflict when the incident is not as it was read, or when one of ``more`` loses.
        """
        at = clock.parse(asked.requested_at)
        step = Step(
            step_id=Approval.step_of(incident.incident_id, asked.remedy),
            incident_id=incident.incident_id,
            node_id=incident.node_id,
            remedy=asked.remedy,
            fence=incident.fence,
            token=token,
            intended_at=asked.requested_at,
        )
        return self.incidents.record(
            incident, at, note, self.steps.intend(step, at), *more, approval=asked, wait="approval"
        )

    def wait_with(self, incident_id: str, remedy: str, token: str, now: datetime) -> None:
        """A retried question waits on a new token, which is answered at once when the answer is known."""
        self.steps.await_with(Approval.step_of(incident_id, remedy), token)
        try:
            approvals.pending(self.incidents.get(incident_id), now)
        except Refused:
            self._wake(incident_id, remedy)

    def decide(
        self, incident_id: str, decision: Decision, now: datetime, note: Note, version: int | None = None
    ) -> Incident:
        """Record a decision once, and wake the machine; ``note.inputs['by']`` is who decided.

        Raises Refused ``approval.*`` when the answer does not count, Conflict when others keep writing.
        """

        def change(incident: Incident) -> tuple[Note, Mapping[str, object]]:
            asked = approvals.pending(incident, now, version)
            by = str(note.inputs["by"])
            answer = {"decision": decision, "by": by, "decided_at": clock.iso(now)}
            return note, {"approval": asked.model_copy(update=answer)}

        try:
            incident = self.incidents.amend(incident_id, now, change)
        except Refused as refused:
            if refused.code == "approval.decided":  # its first call may have died before the machine heard
                asked = self.incidents.get(incident_id).approval
                self._wake(incident_id, asked.remedy if asked else "")
            raise
        self._wake(incident_id, incident.approval.remedy if incident.approval else "")
        return incident

    def _wake(self, incident_id: str, remedy: str) -> None:
        step = self.steps.get(Approval.step_of(incident_id, remedy))
        if step and executions.answer(step.token, {"incident_id": incident_id}):
            self.steps.answered(step.step_id)
