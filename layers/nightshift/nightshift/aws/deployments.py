"""The deployments table: one item per deployment, each change in one transaction with its journal entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from nightshift import clock
from nightshift.aws import tables
from nightshift.aws.amending import Amending
from nightshift.aws.journals import Journals
from nightshift.aws.tables import Write
from nightshift.deployment import Deployment
from nightshift.errors import Conflict, Permanent
from nightshift.incident import Step
from nightshift.journal import GENESIS, Note
from nightshift.ports import Ended


class Deployments(Amending[Deployment]):
    """Reads are consistent; writes are conditioned on the version that was read."""

    def __init__(self, table: str, journals: Journals) -> None:
        self._table, self._journals = table, journals

    def find(self, deployment_id: str) -> Deployment | None:
        """The deployment, or None."""
        item = tables.get(self._table, {"deployment_id": deployment_id})
        return Deployment.model_validate(item) if item else None

    def get(self, deployment_id: str) -> Deployment:
        """The deployment; raises Permanent ``deployment.unknown``."""
        found = self.find(deployment_id)
        if found is None:
            raise Permanent("deployment.unknown", f"there is no deployment {deployment_id}")
        return found

    def create(self, deployment: Deployment, at: datetime, note: Note) -> bool:
        """Store a new deployment; False when it is known already (the same push was heard before)."""
        writes = self.creation(deployment, at, note)
        try:
            tables.transact(writes)
        except Conflict:
            return False
        return True

    def creation(self, deployment: Deployment, at: datetime, note: Note) -> list[Write]:
        """The writes that store a new deployment with the first entry of its journal."""
        entry = self._journals.link(deployment.deployment_id, 1, GENESIS, at, note)
        stored = deployment.model_copy(update={"version": 1, "seq": 1, "head": entry.hash})
        item = stored.model_dump(mode="json", exclude_none=True)
        return [
            tables.put("deployment", self._table, item, unless="deployment_id"),
            self._journals.append(entry),
        ]

    def record(
        self, deployment: Deployment, at: datetime, note: Note, /, *more: Write, **changes: object
    ) -> Deployment:
        """Change ``deployment`` and append ``note``, with ``more`` in the same transaction; or Conflict."""
        entry = self._journals.link(deployment.deployment_id, deployment.seq + 1, deployment.head, at, note)
        version = {"version": deployment.version + 1, "seq": entry.seq, "head": entry.hash}
        changed = deployment.model_copy(update={**changes, **version})
        item = changed.model_dump(mode="json", exclude_none=True)
        tables.transact(
            [
                tables.replace("deployment", self._table, item, read=deployment.version),
                self._journals.append(entry),
                *more,
            ]
        )
        return changed

    def conclude(self, step: Step, result: Ended, now: datetime, actor: str) -> None:
        """Note once how the document of a step ended on its node; whether it helped is judged later."""

        def change(deployment: Deployment) -> tuple[Note, Mapping[str, object]] | None:
            touched = deployment.nodes.get(step.node_id)
            if touched is None or touched.step_id != step.step_id or touched.acted_at:
                return None
            verdict = "installed" if result.succeeded else "failed"
            detail = f"{result.status}: {result.output}".strip(": ")
            at = clock.iso(now)
            ended = {} if result.succeeded else {"state": "Failed", "ended_at": at}
            fresh = touched.model_copy(update={"acted_at": at, "detail": detail, **ended})
            inputs = {"step_id": step.step_id, "node_id": step.node_id, "output": result.output}
            note = Note(
                "result", actor, verdict, f"{step.version} on {step.node_id}: {result.status}", inputs
            )
            return note, {"nodes": deployment.nodes | {step.node_id: fresh}}

        self.amend(step.deployment_id, now, change)

    def story(self, deployment_id: str) -> list[dict[str, object]]:
        """Every entry of its journal, the oldest first."""
        return [entry.content for entry in self._journals.read(deployment_id)]

    def of_group(self, group: str, limit: int = 50) -> Iterator[Deployment]:
        """The newest deployments to a group, by the index; for people."""
        for item in tables.newest(self._table, "by_group", "group", group, limit):
            yield Deployment.model_validate(item)
