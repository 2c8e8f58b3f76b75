"""Deny the remedy that an incident waits with."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="The incident that asks.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")],
    by: Annotated[
        str, typer.Option(help="Who denies; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Deny the remedy that an incident waits with; the incident is yours then."""
    from tools.cli.answers import answer
    from tools.cli.connection import Connection

    told = answer(Connection(ctx.obj), incident_id, "deny", by=by, why=why)
    print(f"{told['remedy']}: {told['reason']}; nothing more is done to the node, and nobody else is paged")
