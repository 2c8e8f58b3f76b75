"""Stop a deployment: what it touched is rolled back."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.deployment import Deployment
    from nightshift.journal import Note

PANEL = "Act"


def command(
    ctx: typer.Context,
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="A deployment that runs.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason; it stands in the journal.")],
) -> None:
    """Stop a deployment: nodes that it touched are rolled back."""
    from nightshift import clock
    from nightshift.errors import Permanent
    from nightshift.journal import Note
    from tools.cli.commands.deployments import store
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    who = f"{getpass.getuser()}: {why}"

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
