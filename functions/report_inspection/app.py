"""A pass is over: compare it with the one before, and write its report as JSON and HTML."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, inspection_page, passes
from nightshift.aws import reports
from nightshift.aws.stores import Stores
from nightshift.decisions import reporting
from nightshift.entry import entry
from nightshift.events import InspectionCollected, InspectionCompleted, traceparent
from nightshift.passes import Pass, Row
from nightshift.settings import Settings

logger = Logger()
NOT_READ = "its batch was not read before the pass's time was over"


class Environment(Settings):
    """The passes, and where reports are kept."""

    bus_name: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Report a pass once; a second word about it changes nothing."""
    collected = envelopes.detail(InspectionCollected, event)
    current = Stores.of(Environment).inspections.get(collected.pass_id)
    if current.reported_at:
        return {"pass_id": current.pass_id, "report": ""}
    return report(current, clock.now())


def rows_of(current: Pass) -> list[Row]:
    """A row for every node of the pass: what was read, what was skipped, and what never came."""
    bucket, inspections = Environment.current().artifacts_bucket, Stores.of(Environment).inspections
    rows: list[Row] = []
    for number in range(current.batches):
        if number in current.collected:
            rows += reports.rows(bucket, current.pass_id, number)
        else:
            members = inspections.batch(current.pass_id, number).members
            rows += [Row.of(member, reason=NOT_READ) for member in members]
    if current.skipped:
        rows += reports.rows(bucket, current.pass_id, passes.SKIPPED)
    return rows


def report(current: Pass, now: datetime) -> dict[str, Any]:
    """Write the report, say so, and leave what the next pass compares with (a whole fleet's pass only)."""
    stores, bucket = Stores.of(Environment), Environment.current().artifacts_bucket
    _, policy = stores.policies.current()
    before = reports.baseline(bucket, stores.inspections.latest())
    made = reporting.build(current, rows_of(current), policy, before, now)
    whole = not current.group
    key = reports.save(
        bucket, made.pass_id, made.model_dump_json(), inspection_page.render(made), latest=whole
    )
    if whole:
        reports.save_baseline(bucket, made.pass_id, reporting.baseline(made, before))
    stores.bus.publish(
        InspectionCompleted(
            occurred_at=clock.iso(now),
            traceparent=traceparent(made.pass_id, "completed"),
            pass_id=made.pass_id,
            nodes=made.nodes,
            answered=made.answered,
            findings=made.findings,
            drift=made.drift,
            report=key,
        )
    )
    stores.inspections.reported(made.pass_id, now, baseline=whole)
    logger.info("reported", pass_id=made.pass_id, nodes=made.nodes, findings=made.findings, drift=made.drift)
    return {"pass_id": made.pass_id, "report": key}
