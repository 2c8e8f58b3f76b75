"""The guard that asks a person before a remedy of a risk that the policy names."""

from __future__ import annotations

from nightshift import clock
from nightshift.decisions.situation import Admission, Situation


def approval(situation: Situation) -> Admission | None:
    """A remedy of a risk that the policy names waits for a person's word, which counts for a while only."""
    symptom, rung = situation.next_rung()
    # A risk that nobody states is the highest: forgetting one must not skip the question.
    if rung is None or situation.risks.get(rung.remedy, "high") not in situation.healing.approval_for:
        return None
    asked, what = situation.incident.approval, f"level {rung.level}, {rung.remedy}"
    if asked is None or asked.remedy != rung.remedy:
        end = clock.parse(situation.incident.opened_at) + clock.seconds(situation.healing.deadline_seconds)
        due = min(situation.now + clock.seconds(situation.healing.approval_seconds), end)
        risk = situation.risks.get(rung.remedy, "unknown")
        reason = f"{what}, is of {risk} risk: a person must approve it by {clock.iso(due)}"
        return Admission("wait", "approval", reason, until=due, rung=rung, symptom=symptom)
    if asked.decision == "denied":
        return Admission(
            "refuse", "approval", f"{what}: denied by {asked.by} at {asked.decided_at}", known=True
        )
    due = clock.parse(asked.expires_at)
    if situation.now >= due:
        late = f"approved by {asked.by}, but not begun" if asked.decision else "nobody answered"
        return Admission("refuse", "approval", f"{what}: {late} by {asked.expires_at}", page=True)
    if asked.decision == "approved":
        return None
    reason = f"{what}: a person was asked at {asked.requested_at} and has until {asked.expires_at}"
    return Admission("wait", "approval", reason, until=due, rung=rung, symptom=symptom)
