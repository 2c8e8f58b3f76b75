"""Ask the nodes of one batch by SSH, with the same probe that agents run, and keep what they answered."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from nightshift import envelopes
from nightshift.aws import functions, probes, reports, ssh_login
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.errors import NightshiftError
from nightshift.passes import Batch, Member, Reached
from nightshift.settings import Settings
from nightshift_ssh import warm
from nightshift_ssh.command import Command
from nightshift_ssh.fan_out import Row, run_all
from nightshift_ssh.login import Address, Credentials
from nightshift_ssh.pool import Limits

logger = Logger()
PROBE_SECONDS = 30.0  # as the document has it
ALL_SECONDS = 75.0  # for the whole batch, below the pass's own deadline
ROOM = 8_192  # bytes of an answer; a probe prints 2,500


class Environment(Settings):
    """The passes, the probe, and the key to nodes without an agent."""

    inspections_table: str
    artifacts_bucket: str
    probe_document: str
    ssh_secret: str
    collect_metrics_function: str


class Request(BaseModel):
    """Which batch of which pass."""

    pass_id: str
    batch: int


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Ask every node, store the answers, and have them read; a repetition only asks again."""
    request, here = envelopes.read(Request, event), Environment.current()
    batch = Stores.of(Environment).inspections.batch(request.pass_id, request.batch)
    answers = ask(batch)
    reports.save_answers(here.artifacts_bucket, batch.pass_id, batch.number, answers)
    functions.hand(here.collect_metrics_function, {"pass_id": batch.pass_id, "batch": batch.number})
    silent = sum(1 for one in answers if one.reason)
    logger.info("asked", pass_id=batch.pass_id, batch=batch.number, silent=silent)
    return {"pass_id": batch.pass_id, "batch": batch.number, "silent": silent}


def ask(batch: Batch) -> list[Reached]:
    """An answer or a reason for each node; a login that cannot be read is every node's reason."""
    here = Environment.current()
    places = [(member, member.ssh) for member in batch.members if member.ssh is not None]
    addresses = [Address.of(ssh.host, ssh.port, ssh.via) for _, ssh in places]
    try:
        credentials = Credentials(*ssh_login.read(here.ssh_secret, here.artifacts_bucket))
        pool = warm.pool(credentials, Limits(per_host=1))
    except NightshiftError as error:
        return [_failed(member, error) for member, _ in places]
    probe = Command(("sh", "-c", probes.script(here.probe_document)), seconds=PROBE_SECONDS, limit=ROOM)
    rows = run_all(pool, addresses, probe, ALL_SECONDS)
    return [_reached(member, row) for (member, _), row in zip(places, rows, strict=True)]


def _reached(member: Member, row: Row) -> Reached:
    if row.error is not None or row.result is None:
        return _failed(member, row.error)
    if not row.result.ok:
        told = row.result.stderr.strip().splitlines()
        reason = f"the probe ended with status {row.result.exit_status}: {told[-1][:200] if told else ''}"
        return Reached(node_id=member.node_id, status="Failed", reason=reason.rstrip(": "))
    return Reached(node_id=member.node_id, status="Success", text=row.result.stdout)


def _failed(member: Member, error: NightshiftError | None) -> Reached:
    reason = f"{error.code}: {error.message}" if error else "it has not answered"
    return Reached(node_id=member.node_id, status="Failed", reason=reason)
