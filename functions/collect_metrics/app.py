"""A batch was probed: read its one page, measure, say what was found, and say when the pass is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, passes
from nightshift.aws import commands, fleet_metrics, probes, reports, tables
from nightshift.aws.stores import Stores
from nightshift.decisions import findings, inspecting
from nightshift.decisions.findings import Change
from nightshift.decisions.inspecting import Answered, Looked
from nightshift.entry import entry
from nightshift.envelopes import CommandStatusChange
from nightshift.events import FindingCleared, FindingRaised, traceparent
from nightshift.passes import Batch, Pass
from nightshift.settings import Settings

logger = Logger()


class Environment(Settings):
    """The inventory, the passes, and where rows are kept."""

    bus_name: str
    nodes_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str


class Request(BaseModel):
    """A batch that was asked by SSH, or whose end nobody heard of."""

    pass_id: str
    batch: int


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Collect a batch by its command's end, or by the word of who asked it by SSH or finds it overdue."""
    if event.get("source") != "aws.ssm":
        overdue = envelopes.read(Request, event)
        batch = Stores.of(Environment).inspections.batch(overdue.pass_id, overdue.batch)
        return collect(batch, _answers(batch), clock.now())
    command = envelopes.read(CommandStatusChange, event).detail
    if command.status not in commands.ENDED:
        return {"status": command.status}
    comment, found = probes.answers(command.command_id)
    batch = Stores.of(Environment).inspections.batch(*passes.read_comment(comment))
    return collect(batch, found, clock.now())


def _answers(batch: Batch) -> Mapping[str, Answered]:
    """What came back, whichever way it was asked for."""
    if batch.command_id == passes.BY_SSH:
        return reports.answers(Environment.current().artifacts_bucket, batch.pass_id, batch.number)
    return probes.answers(batch.command_id)[1] if batch.command_id else {}


def collect(batch: Batch, answers: Mapping[str, Answered], now: datetime) -> dict[str, Any]:
    """Make each node's row, and everything that follows from it; a second time nothing but the last word."""
    stores = Stores.of(Environment)
    current = stores.inspections.get(batch.pass_id)
    if batch.number not in current.collected:
        _, policy = stores.policies.current()
        looked = [inspecting.look(member, answers.get(member.node_id), policy) for member in batch.members]
        reports.save_rows(
            Environment.current().artifacts_bucket, batch.pass_id, batch.number, [one.row for one in looked]
        )
        _remember_reach(looked, now)
        _tell(current, batch, looked, now)
        values = [
            (one.member.node_id, one.member.group, reading.check, float(reading.value))
            for one in looked
            for reading in one.readings
        ]
        if not current.only:  # one node, looked at often, would weigh too much in its group
            fleet_metrics.emit(values, per_node=policy.inspection.metrics_per_node)
        current = stores.inspections.collected(batch.pass_id, batch.number)
        logger.info("batch", pass_id=batch.pass_id, batch=batch.number, silent=_silent(looked))
    if current.is_to_report:
        stores.bus.publish(passes.collected(batch.pass_id, now))
    return {"pass_id": batch.pass_id, "batch": batch.number, "complete": current.complete}


def _remember_reach(looked: Sequence[Looked], now: datetime) -> None:
    """Only what changed is written: nearly every node answers, and did so before."""
    nodes = Stores.of(Environment).nodes
    for one in looked:
        if one.away:
            tables.write(nodes.change(one.member.node_id, offline_since=clock.iso(now)))
        elif one.member.offline:
            tables.write(nodes.change(one.member.node_id, offline_since=None))


def _tell(current: Pass, batch: Batch, looked: Sequence[Looked], now: datetime) -> None:
    """Keep what stands as evidence, then say it: two events at most, whatever the batch found."""
    inspections, at = Stores.of(Environment).inspections, current.started_at
    ids = {one.member.node_id for one in looked} | {one.member.replaces for one in looked} - {""}
    standing = inspections.standing(sorted(ids))
    changes: list[Change] = []
    for one in looked:
        before = standing.get(one.member.node_id, {})
        change = findings.update(
            one.member.node_id, one.seen, before, standing.get(one.member.replaces, {}), at
        )
        if change.standing != before:
            inspections.stand(one.member.node_id, change.standing, now)
        changes.append(change)
    raised = tuple(one for change in changes for one in change.raised)
    cleared = tuple(one for change in changes for one in change.cleared)
    common = {
        "occurred_at": at,
        "traceparent": traceparent(batch.pass_id, str(batch.number)),
        "pass_id": batch.pass_id,
    }
    said = [FindingRaised.model_validate({**common, "findings": raised})] if raised else []
    gone = [FindingCleared.model_validate({**common, "findings": cleared})] if cleared else []
    if said or gone:
        Stores.of(Environment).bus.publish(*said, *gone)


def _silent(looked: Sequence[Looked]) -> int:
    return sum(1 for one in looked if one.row.reason)
