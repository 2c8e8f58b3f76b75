"""Deny the remedy that an incident waits with, or the release that a deployment waits with."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    subject_id: Annotated[str, typer.Argument(metavar="ID", help="The incident or deployment that asks.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")],
    by: Annotated[
        str, typer.Option(help="Who denies; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Deny what an incident or a deployment waits with; an incident is yours then."""
    from tools.cli.answers import answer, deploys
    from tools.cli.connection import Connection

    told = answer(Connection(ctx.obj), subject_id, "deny", by=by, why=why)
    then = "nothing is deployed" if deploys(subject_id) else "nothing more is done to the node"
    print(f"{told['remedy']}: {told['reason']}; {then}, and nobody else is paged")
