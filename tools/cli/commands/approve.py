"""Approve the remedy that an incident waits with, or the release that a deployment waits with."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    subject_id: Annotated[str, typer.Argument(metavar="ID", help="The incident or deployment that asks.")],
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")],
    by: Annotated[
        str, typer.Option(help="Who approves; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Approve what an incident or a deployment waits with; every guard is still asked."""
    from tools.cli.answers import answer, deploys, watch
    from tools.cli.connection import Connection

    told = answer(Connection(ctx.obj), subject_id, "approve", by=by, why=why)
    then = "deployed when its turn comes" if deploys(subject_id) else "it runs when every guard admits it"
    print(f"{told['remedy']}: {told['reason']}; {then}")
    print(f"watch: {watch(subject_id)}")
