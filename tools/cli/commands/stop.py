"""Stop a deployment, whose nodes are rolled back, or a command, which begins on no other node."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.deployment import Deployment
    from nightshift.fleet_command import FleetCommand
    from nightshift.journal import Note
    from tools.cli.connection import Connection

PANEL = "Act"


def command(
    ctx: typer.Context,
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="A deployment or command that runs.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason; it stands in the journal.")],
) -> None:
    """Stop a deployment (nodes that it touched are rolled back) or a command (no other node begins)."""
    from nightshift import clock
    from nightshift.errors import Permanent
    from nightshift.journal import Note
    from tools.cli.commands.deployments import store
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    who = f"{getpass.getuser()}: {why}"
    if deployment_id.startswith("cmd-"):
        _stop_command(Connection(ctx.obj), deployment_id, who)
        return

    def change(deployment: Deployment) -> tuple[Note, dict[str, object]] | None:
        if deployment.is_over or deployment.stop_requested:
            return None
        if deployment.approval and not deployment.approval.decision:
            raise CliError(
                f"{deployment_id} waits for a person's word",
                f"say no: nightshift deny {deployment_id} -m …",
            )
        return Note("stop", "nightshift stop", "requested", who, {}), {"stop_requested": who}

    try:
        stopped = store(Connection(ctx.obj)).amend(deployment_id, clock.now(), change)
    except Permanent as error:
        raise CliError(error.message, "see them: nightshift deployments") from error
    if stopped.is_over:
        raise CliError(f"{deployment_id} is {stopped.state} already", "undo it: nightshift rollback APP")
    print(f"stops at its next look, for {stopped.stop_requested}; see nightshift deployments {deployment_id}")


def _stop_command(connection: Connection, command_id: str, who: str) -> None:
    """What runs on nodes comes to its end there; no other node begins."""
    from nightshift import clock
    from nightshift.errors import Permanent
    from nightshift.journal import Note
    from tools.cli.commands.commands import store
    from tools.cli.errors import CliError

    def change(command: FleetCommand) -> tuple[Note, dict[str, object]] | None:
        if command.is_over or command.stop_requested:
            return None
        return Note("stop", "nightshift stop", "requested", who, {}), {"stop_requested": who}

    try:
        stopped = store(connection).amend(command_id, clock.now(), change)
    except Permanent as error:
        raise CliError(error.message, "see them: nightshift commands") from error
    if stopped.is_over:
        raise CliError(
            f"{command_id} is {stopped.state} already", f"see it: nightshift commands {command_id}"
        )
    print(f"no other node begins, for {stopped.stop_requested}; see nightshift commands {command_id}")
