"""Questions to a person: asked and answered once, in the same transaction as the journal's entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from nightshift import approvals, clock
from nightshift.approvals import Asking, Decision
from nightshift.aws import executions
from nightshift.aws.amending import Amending
from nightshift.aws.steps import Steps
from nightshift.aws.tables import Write
from nightshift.errors import Refused
from nightshift.incident import Approval, Step
from nightshift.journal import Note

A = TypeVar("A", bound=Asking)


@dataclass(frozen=True)
class Approvals(Generic[A]):
    """The approval of each subject, and the step whose token waits for it."""

    subjects: Amending[A]
    steps: Steps

    def ask(self, subject: A, asked: Approval, step: Step, note: Note, *more: Write, **changes: object) -> A:
        """Record a new question with the step whose token waits for its answer.

        Raises Conflict when the subject is not as it was read, or when one of ``more`` loses.
        """
        at = clock.parse(asked.requested_at)
        intent = self.steps.intend(step, at)
        return self.subjects.record(subject, at, note, intent, *more, approval=asked, **changes)

    def wait_with(self, subject_id: str, remedy: str, token: str, now: datetime) -> None:
        """A retried question waits on a new token, which is answered at once when the answer is known."""
        self.steps.await_with(Approval.step_of(subject_id, remedy), token)
        try:
            approvals.pending(self.subjects.get(subject_id), now)
        except Refused:
            self._wake(subject_id, remedy)

    def decide(
        self, subject_id: str, decision: Decision, now: datetime, note: Note, version: int | None = None
    ) -> A:
        """Record a decision once, and wake the machine; ``note.inputs`` has who decided (``by``) and ``why``.

        Raises Refused ``approval.*`` when the answer does not count, Conflict when others keep writing.
        """

        def change(subject: A) -> tuple[Note, Mapping[str, object]]:
            asked = approvals.pending(subject, now, version)
            by, why = str(note.inputs["by"]), str(note.inputs["why"])
            answer = {"decision": decision, "by": by, "why": why, "decided_at": clock.iso(now)}
            return note, {"approval": asked.model_copy(update=answer)}

        try:
            subject = self.subjects.amend(subject_id, now, change)
        except Refused as refused:
            if refused.code == "approval.decided":  # its first call may have died before the machine heard
                asked = self.subjects.get(subject_id).approval
                self._wake(subject_id, asked.remedy if asked else "")
            raise
        self._wake(subject_id, subject.approval.remedy if subject.approval else "")
        return subject

    def _wake(self, subject_id: str, remedy: str) -> None:
        step = self.steps.get(Approval.step_of(subject_id, remedy))
        if step is None:
            return
        named = {"deployment_id": subject_id} if step.deployment_id else {"incident_id": subject_id}
        if executions.answer(step.token, named):
            self.steps.answered(step.step_id)
