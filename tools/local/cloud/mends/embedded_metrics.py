"""Metrics that a function prints into its log (CloudWatch's embedded metric format) become metrics.

Upstream keeps such a line as text only. Read are the directives of the format's specification: a
namespace, sets of dimensions, and metrics whose values stand at the top of the line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools.local.cloud.config import CloudConfig


@dataclass(frozen=True)
class Printed:
    """One value of one metric for one set of dimensions."""

    namespace: str
    name: str
    value: float
    unit: str
    dimensions: dict[str, str]


def apply(_config: CloudConfig) -> None:
    """Read the log of every invocation."""
    from ministack.services import cloudwatch, lambda_svc

    execute = lambda_svc._execute_function_warm

    def execute_warm(func: Any, event: Any, request_id: str) -> Any:
        answer = execute(func, event, request_id)
        for one in printed(str(answer.get("log") or "")):
            cloudwatch.record_metric(one.namespace, one.name, one.value, one.unit, one.dimensions)
        return answer

    lambda_svc._execute_function_warm = execute_warm


def printed(log: str) -> Iterator[Printed]:
    """Every metric in a log; a line that only looks like one is a line of text."""
    for line in log.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            yield from _of(json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue


def _of(line: dict[str, Any]) -> list[Printed]:
    return [
        Printed(
            directive["Namespace"],
            metric["Name"],
            float(value),
            metric.get("Unit", "None"),
            {name: str(line[name]) for name in names},
        )
        for directive in line["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
        for value in _listed(line[metric["Name"]])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
