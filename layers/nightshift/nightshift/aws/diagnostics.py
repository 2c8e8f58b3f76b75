"""What a node was like before a remedy changed it: kept in the artifacts bucket, linked from the journal."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws import artifacts, executions
from nightshift.aws.commands import Invocation
from nightshift.aws.incidents import Incidents
from nightshift.aws.steps import Steps
from nightshift.incident import DIAGNOSTICS, Incident, Step
from nightshift.journal import Note


@dataclass(frozen=True)
class Saved:
    """Where an output was saved and its SHA-256; ``reason`` says why it was not, and is empty otherwise."""

    key: str = ""
    sha256: str = ""
    reason: str = ""

    @property
    def inputs(self) -> dict[str, object]:
        """What the journal's note says of it; nothing, where there was nothing to save."""
        if self.reason:
            return {"diagnostics_not_saved": self.reason}
        return {"diagnostics": self.key, "diagnostics_sha256": self.sha256} if self.key else {}


@dataclass(frozen=True)
class Diagnostics:
    """Saves what a step printed, and concludes the steps that only look."""

    incidents: Incidents
    steps: Steps
    bucket: str
    actor: str

    def save(self, step: Step, result: Invocation) -> Saved:
        """Save the whole output of ``step``. Never raises for S3: healing goes on without, and says so."""
        if not result.text:
            return Saved()
        key = f"{DIAGNOSTICS}/{step.incident_id}/{step.step_id}.txt"
        try:
            artifacts.save(self.bucket, key, result.text)
        except ClientError as error:
            return Saved(reason=f"{error.response['Error']['Code']}: {key}")
        except BotoCoreError as error:
            return Saved(reason=f"{type(error).__name__}: {key}")
        return Saved(key, hashlib.sha256(result.text.encode()).hexdigest())

    def conclude(self, step: Step, result: Invocation, now: datetime) -> None:
        """Save and note what a looking step saw, then answer its token, whatever came of it.

        It is no rung of the ladder and no attempt. A second call notes nothing and answers again.
        """
        known = self.steps.get(step.step_id)
        if known is None or not known.answered:
            self.incidents.amend(step.incident_id, now, lambda incident: self._noted(incident, step, result))
        executions.answer((known or step).token, {"succeeded": result.succeeded})
        self.steps.answered(step.step_id)

    def _noted(
        self, incident: Incident, step: Step, result: Invocation
    ) -> tuple[Note, dict[str, object]] | None:
        if incident.diagnosed:
            return None
        saved = self.save(step, result)
        reason = f"saved {saved.key}" if saved.key else f"not saved: {saved.reason or result.output}"
        inputs = {"step_id": step.step_id, "status": result.status, "node_id": step.node_id, **saved.inputs}
        note = Note("diagnostics", self.actor, "saved" if saved.key else "not_saved", reason, inputs)
        return note, {"diagnosed": saved.key}
