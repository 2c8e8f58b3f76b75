"""What came of a step: written to the incident and its journal, then told to whoever waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.aws import executions, tables
from nightshift.aws.bus import Bus
from nightshift.aws.commands import Invocation
from nightshift.aws.diagnostics import Diagnostics, Saved
from nightshift.aws.incidents import Incidents
from nightshift.aws.nodes import Nodes
from nightshift.aws.steps import Steps
from nightshift.errors import Permanent
from nightshift.events import RemedyApplied, traceparent
from nightshift.incident import DIAGNOSE, Incident, Level, Step
from nightshift.journal import Note


@dataclass(frozen=True)
class Outcomes:
    """Concludes steps, for whoever learns first how a command ended."""

    incidents: Incidents
    nodes: Nodes
    steps: Steps
    bus: Bus
    diagnostics: Diagnostics
    actor: str

    def conclude(self, step: Step, result: Invocation, now: datetime) -> None:
        """Record ``result`` once and answer the task token that waits for it.

        What it printed is saved first; a step that only looks ends there. An installed release puts its
        node into service. A second call records nothing and answers again, which nobody minds.
        Raises Conflict when the incident keeps changing under it, and Permanent ``node.not_welcomed`` for
        a node that stays pending and that no incident waits for.
        """
        if step.remedy == DIAGNOSE:
            self.diagnostics.conclude(step, result, now)
            return
        if step.remedy == "install_release" and result.succeeded:
            tables.write(self.nodes.change(step.node_id, state="in_service", release=step.version))
        waiting = self.steps.get(step.answers) if step.answers else step
        if waiting is None or not waiting.token:
            self.steps.settled(step.step_id)
            if not result.succeeded:
                raise Permanent(
                    "node.not_welcomed", f"{step.node_id} has no release: {result.status}: {result.output}"
                )
            return
        incident = self._record(waiting, result, now, saves=waiting is step)
        executions.answer(waiting.token, {"succeeded": result.succeeded})
        self.steps.answered(waiting.step_id)
        self.bus.publish(_event(incident, _level(incident, waiting), result, now))
        if waiting is not step:
            self.steps.settled(step.step_id)

    def _record(self, step: Step, result: Invocation, now: datetime, *, saves: bool) -> Incident:
        def change(incident: Incident) -> tuple[Note, dict[str, object]] | None:
            level = _level(incident, step)
            if level.acted_at:
                return None
            # A release installed on a successor says nothing of the node that went away.
            saved = self.diagnostics.save(step, result) if saves else Saved()
            verdict = "succeeded" if result.succeeded else "failed"
            inputs = {
                "step_id": step.step_id,
                "status": result.status,
                "output": result.output,
                "node_id": incident.node_id,
                **saved.inputs,
            }
            note = Note("result", self.actor, verdict, f"{level.remedy} {verdict}: {result.status}", inputs)
            kept = level.model_copy(update={"diagnostics": saved.key or level.diagnostics})
            return note, {"levels": _with(incident, kept, result, now)}

        return self.incidents.amend(step.incident_id, now, change)


def _level(incident: Incident, step: Step) -> Level:
    for level in incident.levels:
        if level.step_id == step.step_id:
            return level
    raise Permanent("step.unknown", f"{incident.incident_id} has no step {step.step_id}")


def _with(incident: Incident, level: Level, result: Invocation, now: datetime) -> tuple[Level, ...]:
    changed = level.model_copy(
        update={
            "acted_at": clock.iso(now),
            "outcome": "running" if result.succeeded else "failed",
            "detail": f"{result.status}: {result.output}".strip(": "),
            "seconds": round((now - clock.parse(level.started_at)).total_seconds()),
        }
    )
    return tuple(changed if one.step_id == level.step_id else one for one in incident.levels)


def _event(incident: Incident, level: Level, result: Invocation, now: datetime) -> RemedyApplied:
    return RemedyApplied(
        occurred_at=clock.iso(now),
        traceparent=traceparent(incident.incident_id, level.step_id),
        incident_id=incident.incident_id,
        subject=incident.subject,
        symptom=level.symptom,
        reason=level.detail,
        level=level.level,
        remedy=level.remedy,
        succeeded=result.succeeded,
    )
