"""What is known of a node's symptoms: CloudWatch's samples, else what inspections saw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from nightshift import clock
from nightshift.aws import metrics
from nightshift.aws.inspections import Inspections
from nightshift.incident import Sample
from nightshift.policy_symptoms import Symptom


def samples(
    inspections: Inspections, symptoms: Mapping[str, Symptom], node_id: str, since: datetime, until: datetime
) -> dict[str, tuple[Sample, ...]]:
    """The samples of each symptom, oldest first. The two are never mixed: a metric is denser than passes."""
    found = metrics.samples(symptoms, node_id, since, until)
    missing = [name for name, known in found.items() if not known]
    standing = inspections.standing([node_id]).get(node_id, {}) if missing else {}
    for name in missing:
        if name in standing:
            found[name] = tuple(one for one in standing[name].samples if one.at >= clock.iso(since))
    return found
