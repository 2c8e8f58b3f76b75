"""Gates: outside verdicts about a commit that a deployment waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nightshift import clock
from nightshift.gate import Report


@dataclass(frozen=True)
class Passage:
    """Whether a deployment may ``go``, waits, must ``stop`` since one failed, or gives up: ``late``."""

    answer: Literal["go", "wait", "stop", "late"]
    reason: str


def judge(wanted: Sequence[str], reports: Mapping[str, Report], now: datetime, deadline: datetime) -> Passage:
    """What the ``wanted`` gates say of a commit together.

    Of several reports of one gate the newest counts, so that a check that was run again may pass. A gate that
    failed stops the deployment at once, also when others are missing: a report that comes later resurrects
    nothing, push or deploy again. One that came before the push counts. Missing at the ``deadline`` is a no.
    """
    if not wanted:
        return Passage("go", "no gate is asked")
    failed = [name for name in wanted if name in reports and reports[name].verdict == "failed"]
    if failed:
        said = "; ".join(
            f"{name} failed at {reports[name].at} {reports[name].url}".strip() for name in failed
        )
        return Passage("stop", said)
    missing = [name for name in wanted if name not in reports]
    if not missing:
        return Passage("go", "; ".join(f"{name} passed at {reports[name].at}" for name in wanted))
    if now >= deadline:
        return Passage("late", f"{', '.join(missing)} did not report by {clock.iso(deadline)}")
    return Passage("wait", f"waits for {', '.join(missing)} until {clock.iso(deadline)}")
