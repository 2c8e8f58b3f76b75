"""Deploy an app's head, or a release that was built before, and follow it."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tools.cli.connection import Connection

PANEL = "Act"


def command(
    ctx: typer.Context,
    app: Annotated[str, typer.Argument(help="An app of the policy.")],
    group: Annotated[str, typer.Option(help="Only to this group.", show_default=False)] = "",
    version: Annotated[str, typer.Option(help="A release; else the head.", show_default=False)] = "",
    why: Annotated[str, typer.Option("--why", "-m", help="The reason.", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Deploy an app's head, or a release built before; exit 1 unless it succeeds."""
    from tools.cli.connection import Connection

    order = {"app": app, "group": group, "version": version, "why": why}
    follow(Connection(ctx.obj), order, as_json=as_json)


def follow(connection: Connection, order: Mapping[str, object], *, as_json: bool) -> None:
    """Begin what ``order`` says, follow it node by node, and exit 1 on a failure."""
    from tools.cli import progress
    from tools.cli.commands import deployments

    adapter, failed = deployments.store(connection), False
    for deployment_id in begin(connection, order):
        progress.follow(adapter, deployment_id, quiet=as_json)
        failed |= deployments.show(connection, deployment_id, as_json=as_json).state != "Succeeded"
    if failed:
        raise typer.Exit(1)


def begin(connection: Connection, order: Mapping[str, object]) -> list[str]:
    """Have ``start_deployment`` begin; the deployments' ids. Raises CliError with its refusal."""
    payload = {"id": str(uuid.uuid4()), "by": getpass.getuser(), **order}
    said = connection.ask("StartDeploymentFunction", payload, "see what there is: nightshift deployments")
    return list(said["deployments"])
