"""Embedded metrics of a pass: values per group, and per node only where the policy asks for it.

A group's values of one batch stand together in one line of the log, so CloudWatch knows their maximum,
minimum, average and percentiles. A metric per node costs about as much per month as the rest of its
inspection in years.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from aws_lambda_powertools.metrics import EphemeralMetrics

from nightshift import checks

NAMESPACE = "Nightshift/Fleet"

Value = tuple[str, str, str, float]  # node id, group, check, value


def emit(values: Iterable[Value], *, per_node: bool, at: datetime | None = None) -> None:
    """Print the embedded metrics of one batch: a line a group, and a line a node where asked for.

    They are of now, or of ``at`` for what comes late; CloudWatch takes what is up to two weeks old.
    """
    groups: dict[str, list[Value]] = defaultdict(list)
    nodes: dict[str, list[Value]] = defaultdict(list)
    for value in values:
        groups[value[1]].append(value)
        nodes[value[0]].append(value)
    for group, found in groups.items():
        _print("Group", group, found, at)
    for node_id, found in nodes.items() if per_node else ():
        _print("InstanceId", node_id, found, at)


def _print(dimension: str, name: str, found: Iterable[Value], at: datetime | None) -> None:
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    if at:
        metrics.set_timestamp(at)
    metrics.add_dimension(dimension, name)
    for _, _, check, value in found:
        metrics.add_metric(check, checks.load(check).METRIC_UNIT, value)
    metrics.flush_metrics()
