"""Is one node to be looked at now, apart from the passes? The next one may be minutes away."""

from __future__ import annotations

from datetime import timedelta

from nightshift import clock
from nightshift.decisions.verification import Aftermath
from nightshift.policy_inspection import Inspection

#: Seconds between two looks at least: the probe itself takes some, and Systems Manager limits its calls.
LEAST = timedelta(seconds=5)


def due(aftermath: Aftermath, inspection: Inspection) -> str:
    """Which symptom that a probe measures has shown no sample for half the settle time; empty for none."""
    patience = max(LEAST, clock.seconds(aftermath.healing.settle_seconds) / 2)
    measured = {rule.symptom for rule in inspection.checks.values()}
    for name in sorted(measured & aftermath.symptoms.keys()):
        newest = max((one.at for one in aftermath.samples.get(name, ())), default="")
        known_at = max(newest, aftermath.acted_at)
        if clock.parse(known_at) + patience <= aftermath.now:
            return f"{name}: nothing is known since {known_at}"
    return ""
