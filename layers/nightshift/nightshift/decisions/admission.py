"""Admission: may the next remedy be applied now? Allow, wait, refuse, or delegate, always with the reason."""

from __future__ import annotations

from nightshift.decisions.guards import ORDER
from nightshift.decisions.situation import Admission, Situation


def admit(situation: Situation) -> Admission:
    """Ask every guard in order; allow the next rung of the ladder when none objects."""
    for guard in ORDER:
        objection = guard(situation)
        if objection:
            return objection
    return _allow(situation)


def _allow(situation: Situation) -> Admission:
    symptom, rung = situation.next_rung()
    reading = situation.readings()[symptom]
    what = f"level {rung.level}, {rung.remedy}" if rung else "verification"
    left_out = [
        evidence
        for remedy, evidence in situation.left_out(symptom).items()
        if rung and situation.symptoms[symptom].ladder.index(remedy) < rung.level - 1
    ]
    reason = "; ".join([f"{what}: {reading.reason}", *left_out])
    return Admission("allow", "admitted", reason, rung=rung, symptom=symptom)
