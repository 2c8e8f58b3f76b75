"""Begin a pass over the fleet: one command asks fifty nodes, and nobody waits here for their answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import clock, envelopes, passes
from nightshift.aws import functions, probes, reports, tables
from nightshift.aws.probes import UnknownNode
from nightshift.aws.stores import Stores
from nightshift.decisions import roll_call, selection
from nightshift.entry import entry
from nightshift.errors import Permanent
from nightshift.passes import Batch, Member, Pass, Row
from nightshift.settings import Settings

logger = Logger()
BY_SCHEDULE = "schedule"


class Environment(Settings):
    """The inventory, the passes, and the document that looks at a node."""

    bus_name: str
    nodes_table: str
    policies_table: str
    inspections_table: str
    artifacts_bucket: str
    probe_document: str
    probe_over_ssh_function: str


class Request(BaseModel):
    """Who wants a pass, and over which group (all for none), or over ``only`` which nodes of the inventory.

    The same ``id`` begins the same pass once.
    """

    id: str
    by: str = BY_SCHEDULE
    group: str = ""
    only: tuple[str, ...] = ()


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the pass that was begun; or ``running``, when a scheduled one found another still at work."""
    request, now = envelopes.read(Request, event), clock.now()
    running = Stores.of(Environment).inspections.running()
    busy = [name for name, deadline in running.items() if deadline > clock.iso(now)]
    at = str(event.get("time", "")) if event.get("source") == "aws.events" else ""
    begun = clock.iso(clock.parse(at)) if at else clock.iso(now)
    pass_id = passes.pass_id(begun, request.id)
    if request.by == BY_SCHEDULE and busy and pass_id not in busy:
        logger.warning("the pass before is not over", running=busy)
        return {"running": busy}
    return inspect(pass_id, request, now)


def inspect(pass_id: str, request: Request, now: datetime) -> dict[str, Any]:
    """Begin the pass, or go on where an earlier invocation of the same request died."""
    stores, here = Stores.of(Environment), Environment.current()
    _, policy = stores.policies.current()
    plain = () if request.only else tuple(selection.by_ssh(policy))
    meant = stores.nodes.several(request.only).values() if request.only else stores.nodes.listing()
    called = roll_call.call(meant, plain, request.group, now)
    if request.group and request.group not in {*policy.groups, *(one.group for one in plain)}:
        raise Permanent("group.unknown", f"the policy knows no group {request.group}")
    first = passes.batches(pass_id, called.healthy)
    batches = first + passes.batches(pass_id, called.doubtful, len(first))
    batches += passes.batches(pass_id, called.by_ssh, len(batches))
    began = Pass(
        pass_id=pass_id,
        by=request.by,
        group=request.group,
        only=request.only,
        started_at=clock.iso(now),
        deadline_at=clock.iso(now + clock.seconds(passes.DEADLINE_SECONDS)),
        batches=len(batches),
        nodes=sum(len(batch.members) for batch in batches) + len(called.skipped),
        skipped=len(called.skipped),
    )
    if called.skipped:
        rows = [Row.of(member, reason=reason) for member, reason in called.skipped]
        reports.save_rows(here.artifacts_bucket, pass_id, passes.SKIPPED, rows)
    fresh = stores.inspections.begin(began, batches)
    told = began if fresh else stores.inspections.get(pass_id)
    for number in range(told.batches):
        batch = batches[number] if fresh else stores.inspections.batch(pass_id, number)
        if not batch.command_id and not batch.reason:
            _ask(batch, now)
    if told.is_to_report:
        stores.bus.publish(passes.collected(pass_id, now))
    logger.info("a pass began", pass_id=pass_id, nodes=told.nodes, batches=told.batches, skipped=told.skipped)
    return {"pass_id": pass_id, "nodes": told.nodes, "batches": told.batches, "skipped": told.skipped}


def _ask(batch: Batch, now: datetime) -> None:
    """Have its nodes asked, by one command or by SSH.

    Those that Run Command does not know are left out, and remembered as offline.
    """
    inspections, here = Stores.of(Environment).inspections, Environment.current()
    if batch.members[0].ssh is not None:
        functions.hand(here.probe_over_ssh_function, {"pass_id": batch.pass_id, "batch": batch.number})
        inspections.sent(batch.model_copy(update={"command_id": passes.BY_SSH}))
        return
    asked = [member.node_id for member in batch.members]
    try:
        command_id = probes.send(here.probe_document, asked, {}, batch.comment)
    except UnknownNode:
        online = probes.online(asked)
        for member in batch.members:
            if member.node_id not in online:
                _remember_offline(member, now)
        asked = [node_id for node_id in asked if node_id in online]
        if not asked:
            _give_up(batch, now)
            return
        command_id = probes.send(here.probe_document, asked, {}, batch.comment)
    inspections.sent(batch.model_copy(update={"command_id": command_id}))


def _remember_offline(member: Member, now: datetime) -> None:
    tables.write(Stores.of(Environment).nodes.change(member.node_id, offline_since=clock.iso(now)))


def _give_up(batch: Batch, now: datetime) -> None:
    """Nobody of the batch has an agent: it is over before it began, and no command will tell so."""
    stores, here = Stores.of(Environment), Environment.current()
    rows = [
        Row.of(member, reason="its agent is not registered with Systems Manager") for member in batch.members
    ]
    reports.save_rows(here.artifacts_bucket, batch.pass_id, batch.number, rows)
    if stores.inspections.collected(batch.pass_id, batch.number).is_to_report:
        stores.bus.publish(passes.collected(batch.pass_id, now))
