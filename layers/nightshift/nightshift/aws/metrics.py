"""CloudWatch: read a symptom's samples, and keep one alarm per node and symptom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from nightshift import clock
from nightshift.aws.session import client
from nightshift.incident import Sample
from nightshift.policy_symptoms import Symptom

DIMENSION = "InstanceId"


def samples(
    symptoms: Mapping[str, Symptom], node_id: str, since: datetime, until: datetime
) -> dict[str, tuple[Sample, ...]]:
    """The samples of each symptom on a node, oldest first, by one ``GetMetricData`` call."""
    names = sorted(symptoms)
    if not names or since >= until:  # CloudWatch refuses to be asked about no time at all
        return dict.fromkeys(names, ())
    queries = [
        {
            "Id": f"s{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": symptoms[name].metric.namespace,
                    "MetricName": symptoms[name].metric.name,
                    "Dimensions": [{"Name": DIMENSION, "Value": node_id}],
                },
                "Period": symptoms[name].metric.resolution_seconds,
                "Stat": symptoms[name].metric.statistic,
            },
        }
        for number, name in enumerate(names)
    ]
    pages = (
        client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(MetricDataQueries=queries, StartTime=since, EndTime=until, ScanBy="TimestampAscending")
    )
    found: dict[str, list[Sample]] = {name: [] for name in names}
    for page in pages:
        for result in page["MetricDataResults"]:
            name = names[int(result["Id"][1:])]
            seconds = symptoms[name].metric.resolution_seconds
            for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                found[name].append(Sample(at=clock.iso(at), value=_hundredths(value), seconds=seconds))
    return {name: tuple(sorted(values, key=lambda sample: sample.at)) for name, values in found.items()}


def _hundredths(value: float) -> Decimal:
    """A metric's value as it is written in the journal: at most two decimals, never an exponent."""
    return Decimal(f"{value:.2f}".rstrip("0").rstrip("."))


def put_alarms(prefix: str, node_id: str, symptoms: Mapping[str, Symptom]) -> None:
    """Create or renew the alarms of a node; each is called ``<prefix><symptom>-<node id>``."""
    for name, symptom in symptoms.items():
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"{prefix}{name}-{node_id}",
            AlarmDescription=f"{symptom.threshold}; heals by {', '.join(symptom.ladder)}",
            Namespace=symptom.metric.namespace,
            MetricName=symptom.metric.name,
            Dimensions=[{"Name": DIMENSION, "Value": node_id}],
            Statistic=symptom.metric.statistic,
            Period=symptom.period_seconds,
            EvaluationPeriods=1,
            Threshold=float(symptom.above if symptom.above is not None else symptom.below or 0),
            ComparisonOperator="GreaterThanThreshold" if symptom.above is not None else "LessThanThreshold",
            TreatMissingData="missing",
        )


def delete_alarms(prefix: str, node_id: str, symptoms: Mapping[str, Symptom]) -> None:
    """Delete the alarms of a node that is gone."""
    client("cloudwatch").delete_alarms(AlarmNames=[f"{prefix}{name}-{node_id}" for name in symptoms])
