"""Gates: outside verdicts about a commit that a deployment waits for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.gate import Report
from nightshift.policy_apps import Gate


@dataclass(frozen=True)
class Passage:
    """Whether a deployment may ``go``, waits, must ``stop`` since one failed, or gives up: ``late``."""

    answer: Literal["go", "wait", "stop", "late"]
    reason: str


def judge(wanted: Sequence[Gate], reports: Collection[Report], now: datetime, deadline: datetime) -> Passage:
    """What the ``wanted`` gates say of a commit together.

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
