"""Begin a command on many nodes: a person's order, checked against the policy before any is reached."""

from __future__ import annotations

import shlex
from datetime import datetime
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field, StringConstraints

from nightshift import clock, envelopes, fleet_command
from nightshift.aws import executions
from nightshift.aws.stores import Stores
from nightshift.decisions import rate_control, selection
from nightshift.decisions.selection import Selector
from nightshift.entry import entry
from nightshift.errors import Refused
from nightshift.fleet_command import FleetCommand, Row, Target
from nightshift.journal import Note
from nightshift.policy import Policy
from nightshift.policy_reach import Concurrency, Errors, RunCommands
from nightshift.settings import Settings

logger = Logger()
ACTOR = "start_command"
MOST_BYTES = 8_192  # of a program with its arguments, quoted; a script belongs into a release or a document


class Environment(Settings):
    """The inventory, the policy, the command's own table and its machine."""

    commands_table: str
    journal_table: str
    nodes_table: str
    policies_table: str
    run_state_machine_arn: str


class Request(BaseModel):
    """What a person wants run, and where. The same ``id`` begins the same command once.

    With ``retry_of`` it is the argv of that command, for its nodes that failed or were never begun.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{36}$")]
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    why: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    argv: tuple[str, ...] = ()
    selector: Selector = Selector()
    retry_of: str = ""
    sudo: bool = False
    seconds: Annotated[int, Field(ge=1)] = 60
    max_concurrency: Concurrency | None = None
    max_errors: Errors | None = None


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer the command that was begun (or is known), and for how many nodes."""
    begun = start(envelopes.read(Request, event), clock.now())
    return {"command_id": begun.command_id, "nodes": begun.nodes}


def start(request: Request, now: datetime) -> FleetCommand:
    """Store the command and start its machine; both may run twice, since a name begins once."""
    stores = Stores.of(Environment)
    _, policy = stores.policies.current()
    before = stores.commands.get(request.retry_of) if request.retry_of else None
    _require_allowed(request, policy.run)
    targets = _again(before) if before else selection.select(request.selector, stores.nodes.listing(), policy)
    command = _command(request, before, targets, policy, now)
    inputs = {
        "by": request.by, "argv": list(command.argv), "sudo": command.sudo, "seconds": command.seconds,
        "nodes": [target.node_id for target in targets], "retry_of": command.retry_of,
        "max_concurrency": command.max_concurrency, "max_errors": command.max_errors,
    }  # fmt: skip
    reason = f"{request.by} runs {command.argv[0]} on {command.selected}"
    note = Note("opened", ACTOR, "allow", reason, inputs)
    rows = [Row(command_id=command.command_id, **target.model_dump()) for target in targets]
    fresh = stores.commands.create(command, rows, now, note)
    name = command.command_id
    executions.start(Environment.current().run_state_machine_arn, name, {"command_id": name})
    logger.info("command", command_id=name, nodes=command.nodes, by=request.by, fresh=fresh)
    return command


def _require_allowed(request: Request, run: RunCommands) -> None:
    """Raises Refused ``run.not_allowed``, ``run.too_long`` or ``run.unusable``."""
    if not run.allowed:
        raise Refused("run.not_allowed", "the policy allows no commands of people's own (run.allowed)")
    if request.seconds > run.max_seconds:
        raise Refused("run.too_long", f"{request.seconds} s are more than run.max_seconds, {run.max_seconds}")
    if request.retry_of:
        return
    if not request.argv or not request.argv[0].strip():
        raise Refused("run.unusable", "there is no program to run")
    size = len(shlex.join(request.argv).encode())
    if size > MOST_BYTES or any("\0" in word for word in request.argv):
        raise Refused(
            "run.unusable",
            f"the command has {size} bytes, quoted, of at most {MOST_BYTES}, and may hold no NUL",
        )


def _again(before: FleetCommand) -> tuple[Target, ...]:
    """The nodes of an earlier command that did not succeed; raises Refused ``run.nothing_to_retry``."""
    if not before.is_over:
        raise Refused("run.nothing_to_retry", f"{before.command_id} still runs")
    rows = Stores.of(Environment).commands.rows(before.command_id)
    left = [Target.model_validate(row.model_dump()) for row in rows if row.status != "Success"]
    if not left:
        raise Refused("run.nothing_to_retry", f"every node of {before.command_id} succeeded")
    return tuple(left)


def _command(
    request: Request, before: FleetCommand | None, targets: tuple[Target, ...], policy: Policy, now: datetime
) -> FleetCommand:
    """Raises Refused ``run.too_many_nodes``; the policy's concurrency is the most that a person gets."""
    run, nodes = policy.run, len(targets)
    if nodes > run.max_nodes:
        raise Refused("run.too_many_nodes", f"{nodes} nodes are more than run.max_nodes, {run.max_nodes}")
    wanted = rate_control.concurrency(request.max_concurrency or run.max_concurrency, nodes)
    errors = run.max_errors if request.max_errors is None else request.max_errors
    return FleetCommand(
        command_id=fleet_command.command_id(request.id, clock.iso(now)),
        argv=before.argv if before else request.argv,
        sudo=before.sudo if before else request.sudo,
        seconds=request.seconds,
        max_concurrency=min(wanted, rate_control.concurrency(run.max_concurrency, nodes)),
        max_errors=rate_control.errors(errors, nodes),
        by=request.by,
        why=request.why,
        selected=f"what is left of {before.command_id}" if before else request.selector.words,
        nodes=nodes,
        retry_of=request.retry_of,
        counts={"Pending": nodes},
        created_at=clock.iso(now),
    )
