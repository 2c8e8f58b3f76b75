"""Bring an app back to its last good release."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    app: Annotated[str, typer.Argument(help="An app of the policy.")],
    to: Annotated[
        str, typer.Option(help="This release instead of the last good one.", show_default=False)
    ] = "",
    group: Annotated[str, typer.Option(help="Only in this group.", show_default=False)] = "",
    why: Annotated[str, typer.Option("--why", "-m", help="The reason.", show_default=False)] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Bring an app back to its last good release; exit 1 unless it succeeds."""
    from tools.cli.commands.deploy import follow
    from tools.cli.connection import Connection

    order = {"app": app, "group": group, "version": to, "why": why, "rollback": True}
    follow(Connection(ctx.obj), order, as_json=as_json)
