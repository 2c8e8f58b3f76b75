"""Once a minute: search for what an event should have said and did not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, sweeps
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import Retryable

logger, metrics = Logger(), Metrics()


class Environment(sweeps.Here):
    """What the sweeps are told."""


@entry(logger)
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run every sweep; raises Retryable ``sweep.failed`` when one of them did, after all have run."""
    said, failed = run(sweeps.names(), clock.now())
    if failed:
        raise Retryable("sweep.failed", "; ".join(f"{name}: {reason}" for name, reason in failed.items()))
    metrics.add_dimension("FunctionName", context.function_name)
    metrics.add_metric("Heartbeat", MetricUnit.Count, 1)
    metrics.add_metric("Found", MetricUnit.Count, len(said))
    metrics.flush_metrics()
    return {"said": said}


def run(names: tuple[str, ...], now: datetime) -> tuple[list[str], dict[str, str]]:
    """What the sweeps said, and why those failed that did. Without a policy there is nothing to sweep."""
    stores, here = Stores.of(Environment), Environment.current()
    said: list[str] = []
    failed: dict[str, str] = {}
    if not stores.policies.version():
        return said, failed
    for name in names:
        try:
            found = sweeps.load(name).run(stores, here, now)
        except Exception as error:  # the boundary: one sweep must not stop the others
            logger.exception("the sweep failed", sweep=name)
            failed[name] = str(error)
            continue
        said += found
        for sentence in found:
            logger.warning(sentence, sweep=name)
    return said, failed
