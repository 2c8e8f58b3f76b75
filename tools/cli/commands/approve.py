"""Approve the remedy that an incident waits with."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="The incident that asks.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")] = "",
    by: Annotated[
        str, typer.Option(help="Who approves; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Approve the remedy that an incident waits with; every guard is still asked."""
    from tools.cli.answers import answer
    from tools.cli.connection import Connection

    told = answer(Connection(ctx.obj), incident_id, "approve", by=by, why=why)
    print(f"{told['remedy']}: {told['reason']}; it runs when every guard admits it")
    print(f"watch: nightshift why {incident_id}")
