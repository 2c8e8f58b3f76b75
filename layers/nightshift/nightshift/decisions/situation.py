"""What admission looks at, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.decisions import efficacy, health
from nightshift.decisions.escalation import Rung, next_rung
from nightshift.fleet import Capacity, GroupState, Node, Pause, Reach
from nightshift.incident import Incident, Sample
from nightshift.policy_healing import Healing
from nightshift.policy_symptoms import Symptom
from nightshift.windows import Window

Change = Literal["", "began", "calm", "again", "over"]
UNASKED = Reach()
_HEX = re.compile(r".*[0-9a-f]{4}$")


@dataclass(frozen=True)
class Situation:
    """Everything that admission weighs; read fresh, consistently, just before.

    ``risks`` are those of the remedies that may come next, by name. ``switched`` says that the group's
    traffic can be kept from one node.
    """

    now: datetime
    incident: Incident
    node: Node | None
    group: GroupState | None
    pause: Pause | None
    symptoms: Mapping[str, Symptom]
    samples: Mapping[str, Sequence[Sample]]
    healing: Healing
    capacity: Capacity | None = None
    replacing: frozenset[str] = frozenset()
    reach: Reach = UNASKED
    risks: Mapping[str, str] = field(default_factory=dict)
    maintenance: tuple[Window, ...] = ()
    switched: bool = False

    @property
    def ends_by(self) -> datetime:
        """The incident's deadline: not over by then, it is given to a person."""
        return clock.parse(self.incident.opened_at) + clock.seconds(self.healing.deadline_seconds)

    @property
    def untouched(self) -> bool:
        """Whether nothing was tried yet in this incident."""
        return not self.incident.levels

    def readings(self) -> dict[str, health.Reading]:
        """What the samples of each joined symptom say now."""
        return health.readings(self.symptoms, self.samples, self.now, self.healing)

    @property
    def ill(self) -> list[str]:
        """The joined symptoms that the samples show now; all of them on a machine that is dead."""
        states = {"ill", "silent"} if self.dead else {"ill"}
        return [name for name, reading in self.readings().items() if reading.state in states]

    @property
    def dead(self) -> bool:
        """Whether neither the agent nor the host answers: then silence is illness."""
        return (self.reach.agent, self.reach.host) == ("no", "no")

    def wait(self, guard: str, reason: str, until: datetime | None = None) -> Admission:
        """Ask again at ``until``, or after the policy's recheck time, spread so that not all ask at once."""
        spread = int(self.incident.incident_id[-4:], 16) if _HEX.match(self.incident.incident_id) else 0
        pause = self.healing.recheck_seconds + spread % max(1, self.healing.recheck_seconds // 4)
        soonest, later = self.now + clock.seconds(1), until or self.now + clock.seconds(pause)
        return Admission("wait", guard, reason, until=max(later, soonest))

    def refuse(self, guard: str, reason: str, *, page: bool = True) -> Admission:
        """Do nothing; a person is asked unless ``page`` says otherwise."""
        return Admission("refuse", guard, reason, page=page)

    def left_out(self, symptom: str) -> dict[str, str]:
        """The rungs of a symptom's ladder that are not worth a try in this group now, and why."""
        fared, settings = self.group.fared if self.group else {}, self.healing.skip_hopeless
        told = {
            remedy: efficacy.hopeless(fared, symptom, remedy, settings, self.now)
            for remedy in self.symptoms[symptom].ladder
        }
        tried = {level.remedy for level in self.incident.levels}
        return {remedy: evidence for remedy, evidence in told.items() if evidence and remedy not in tried}

    def next_rung(self) -> tuple[str, Rung | None]:
        """The first ill symptom that still has an untried rung, and that rung.

        What runs on the node needs its agent; a machine that is dead goes straight to its replacement.
        """
        tried, ill = [level.remedy for level in self.incident.levels], self.ill
        for name in ill:
            ladder = self.symptoms[name].ladder
            skipped = {*self.left_out(name), *(set(ladder) - self.replacing if self.dead else ())}
            rung = next_rung(ladder, [*tried, *skipped])
            if rung:
                return name, rung
        return (ill or [self.incident.symptom])[0], None


@dataclass(frozen=True)
class Admission:
    """The answer of admission.

    ``guard`` names the rule that decided; ``until`` belongs to wait, ``rung`` and
    ``symptom`` to allow; a refusal with ``page`` asks a person, one without ends the incident quietly.
    ``allow`` without a rung means: there is nothing to apply, only to verify. ``wait`` with a rung means:
    a person is asked about it, until ``until``. A refusal with ``known`` ends as escalated without a page,
    since a person knows. ``storm`` is what the group's storm does: it ``began``, it falls ``calm``, it
    rages ``again``, it is ``over``. ``delegate`` leaves the node to the deployment ``delegate_to``, which
    takes its release back, and asks again at ``until``.
    """

    answer: Literal["allow", "wait", "refuse", "delegate"]
    guard: str
    reason: str
    until: datetime | None = None
    rung: Rung | None = None
    symptom: str = ""
    page: bool = False
    storm: Change = ""
    known: bool = False
    delegate_to: str = ""
