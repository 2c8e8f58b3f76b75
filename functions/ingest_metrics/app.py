"""Take pushed samples from their queue: keep them, measure, and say what was found."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from nightshift import clock
from nightshift.aws import fleet_metrics, pushes
from nightshift.aws.stores import Stores
from nightshift.decisions import inspecting
from nightshift.decisions import pushes as pushed
from nightshift.decisions.pushes import Arrived
from nightshift.entry import entry
from nightshift.events import Finding, FindingCleared, FindingRaised, traceparent
from nightshift.policy import Policy
from nightshift.pushing import Package
from nightshift.settings import Settings

logger = Logger()
TOGETHER = 50  # findings of one event, as a pass says them


class Environment(Settings):
    """The inventory, what stands about nodes, and where rows are kept."""

    bus_name: str
    nodes_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Ingest one batch of the queue; what is no package goes to the dead-letter queue, alone.

    Anything else that fails leaves the whole batch in the queue: every step may be done again.
    """
    packages, failed = [], []
    for record in event["Records"]:
        try:
            packages.append(Package.model_validate_json(record["body"]))
        except ValidationError:
            logger.exception("no package", message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    ingest(packages, clock.now())
    return {"batchItemFailures": failed}


def ingest(packages: Sequence[Package], now: datetime) -> None:
    """Rows first: they are the proof that nothing was lost, and all that is kept of healthy nodes."""
    if not packages:
        return
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    arrived = pushed.read(packages, stores.nodes.several({one.node_id for one in packages}))
    name = hashlib.sha256(" ".join(sorted(f"{one.node_id}/{one.message_id}" for one in packages)).encode())
    pushes.save_rows(
        Environment.current().artifacts_bucket, now, name.hexdigest()[:32], [one.row() for one in arrived]
    )
    counted = [one for one in arrived if one.sample]
    _measure(counted, policy)
    _tell(counted, policy, now)
    lag = (now - min(clock.parse(one.received_at) for one in packages)).total_seconds()
    logger.info("ingested", packages=len(packages), samples=len(counted), rows=len(arrived), lag_seconds=lag)


def _measure(arrived: Sequence[Arrived], policy: Policy) -> None:
    """Metrics of each minute that was measured in, also of one that is long over."""
    minutes: dict[datetime, list[fleet_metrics.Value]] = defaultdict(list)
    for one in arrived:
        for reading in inspecting.judge(one.sample, policy) if one.sample else ():
            value = (one.node_id, one.group, reading.check, float(reading.value))
            minutes[one.seen_at.replace(second=0, microsecond=0)].append(value)
    for minute, values in sorted(minutes.items()):
        fleet_metrics.emit(values, per_node=policy.inspection.metrics_per_node, at=minute)


def _tell(arrived: Sequence[Arrived], policy: Policy, now: datetime) -> None:
    """Keep what stands as evidence, then say it; only what changed is written."""
    if not any(rule.symptom for rule in policy.inspection.checks.values()):
        return
    inspections = Stores.of(Environment).inspections
    nodes = {one.node_id for one in arrived} | {one.replaces for one in arrived} - {""}
    news = pushed.judge(arrived, inspections.standing(sorted(nodes)), policy)
    for node_id, stands in news.standing.items():
        inspections.stand(node_id, stands, now)
    for start in range(0, len(news.raised), TOGETHER):
        _say(FindingRaised, news.raised[start : start + TOGETHER])
    for start in range(0, len(news.cleared), TOGETHER):
        _say(FindingCleared, news.cleared[start : start + TOGETHER])


def _say(kind: type[FindingRaised | FindingCleared], found: Sequence[Finding]) -> None:
    at = max(one.observed_at for one in found)
    event = {
        "occurred_at": at,
        "traceparent": traceparent(f"pushed/{found[0].subject}", at),
        "pass_id": f"pushed-{at}",
        "findings": tuple(found),
    }
    Stores.of(Environment).bus.publish(kind.model_validate(event))
