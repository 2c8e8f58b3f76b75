"""Gates: outside verdicts about a commit that a deployment waits for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.gate import Report
from nightshift.incident import Approval
from nightshift.policy_apps import APPROVAL, Gate


@dataclass(frozen=True)
class Passage:
    """Whether a deployment may ``go``, waits, must ``ask`` a person, ``stop``, or give up: ``late``.

    ``until`` is until when the answer to the question counts.
    """

    answer: Literal["go", "wait", "ask", "stop", "late"]
    reason: str
    until: datetime | None = None


@dataclass(frozen=True)
class Consent:
    """What a person was asked so far, the version they would be asked about now, and until when."""

    asked: Approval | None
    release: str
    until: datetime


def judge(
    wanted: Sequence[Gate], reports: Collection[Report], consent: Consent, now: datetime, deadline: datetime
) -> Passage:
    """What the ``wanted`` gates say of a commit together; a person is asked last, and about what passed."""
    checks = [gate for gate in wanted if gate.name != APPROVAL]
    passage = checked(checks, reports, now, deadline)
    if passage.answer != "go" or len(checks) == len(wanted):
        return passage
    answer = consented(consent, now)
    return replace(answer, reason=f"{passage.reason}; {answer.reason}" if checks else answer.reason)


def consented(consent: Consent, now: datetime) -> Passage:
    """What a person says of a release. Their word is about one version, and counts until it is due."""
    asked = consent.asked
    if asked is None:
        until = clock.iso(consent.until)
        return Passage("ask", f"a person must approve {consent.release} by {until}", consent.until)
    if asked.remedy != consent.release:
        return Passage("stop", f"{asked.remedy} was asked about, and it would be {consent.release} by now")
    if asked.decision:
        why = f": {asked.why}" if asked.why else ""
        said = f"{asked.decision} by {asked.by} at {asked.decided_at}{why}"
        return Passage("go" if asked.decision == "approved" else "stop", said)
    if now >= clock.parse(asked.expires_at):
        return Passage("late", f"nobody approved {asked.remedy} by {asked.expires_at}")
    told = f"a person was asked at {asked.requested_at} and has until {asked.expires_at}"
    return Passage("ask", told, clock.parse(asked.expires_at))


def checked(
    wanted: Sequence[Gate], reports: Collection[Report], now: datetime, deadline: datetime
) -> Passage:
    """What outside checks say.

    A gate hears only those who know its secret: what anybody else reports in its name is neither a yes nor a
    no. Of several reports of one source the newest counts, so that a check that was run again may pass; where
    sources of one gate contradict each other, the no counts. A gate that failed stops the deployment at once,
    also when others are missing: a report that comes later resurrects nothing, push or deploy again. One that
    came before the push counts. Missing at the ``deadline`` is a no.
    """
    if not wanted:
        return Passage("go", "no gate is asked")
    heard = {gate.name: _heard(gate, reports) for gate in wanted}
    failed = [one for told in heard.values() for one in told if one.verdict == "failed"]
    if failed:
        return Passage(
            "stop", "; ".join(f"{one.gate} failed at {one.at} {one.url}".strip() for one in failed)
        )
    missing = [name for name, told in heard.items() if not told]
    if not missing:
        passed = (f"{name} passed at {max(one.at for one in told)}" for name, told in heard.items())
        return Passage("go", "; ".join(passed))
    if now >= deadline:
        return Passage("late", f"{', '.join(missing)} did not report by {clock.iso(deadline)}")
    return Passage("wait", f"waits for {', '.join(missing)} until {clock.iso(deadline)}")


def _heard(gate: Gate, reports: Collection[Report]) -> list[Report]:
    return [one for one in reports if (one.gate, one.secret) == (gate.name, gate.secret)]
