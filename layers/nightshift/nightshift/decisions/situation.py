"""What admission looks at, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift.decisions import health
from nightshift.decisions.escalation import Rung, next_rung
from nightshift.incident import GroupState, Incident, Node, Pause, Sample
from nightshift.policy import Healing, Symptom


@dataclass(frozen=True)
class Situation:
    """Everything that admission weighs; read fresh, consistently, just before."""

    now: datetime
    incident: Incident
    node: Node | None
    group: GroupState | None
    pause: Pause | None
    symptoms: Mapping[str, Symptom]
    samples: Mapping[str, Sequence[Sample]]
    healing: Healing

    @property
    def untouched(self) -> bool:
        """Whether nothing was tried yet in this incident."""
        return not self.incident.levels

    def readings(self) -> dict[str, health.Reading]:
        """What the samples of each joined symptom say now."""
        return {
            name: health.reading(symptom, self.samples.get(name, ()), self.now, self.healing)
            for name, symptom in self.symptoms.items()
        }

    @property
    def ill(self) -> list[str]:
        """The joined symptoms that the samples show now."""
        return [name for name, reading in self.readings().items() if reading.state == "ill"]

    def next_rung(self) -> tuple[str, Rung | None]:
        """The first ill symptom that still has an untried rung, and that rung."""
        tried, ill = [level.remedy for level in self.incident.levels], self.ill
        for name in ill:
            rung = next_rung(self.symptoms[name].ladder, tried)
            if rung:
                return name, rung
        return (ill or [self.incident.symptom])[0], None


@dataclass(frozen=True)
class Admission:
    """The answer of admission.

    ``guard`` names the rule that decided; ``until`` belongs to wait, ``rung`` and
    ``symptom`` to allow; a refusal with ``page`` asks a person, one without ends the incident quietly.
    ``allow`` without a rung means: there is nothing to apply, only to verify.
    """

    answer: Literal["allow", "wait", "refuse", "delegate"]
    guard: str
    reason: str
    until: datetime | None = None
    rung: Rung | None = None
    symptom: str = ""
    page: bool = False
