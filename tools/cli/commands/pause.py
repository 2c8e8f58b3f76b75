"""Stop all new actions at once."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    why: Annotated[str, typer.Option("--why", "-m", help="The reason; everybody who asks is told.")],
    by: Annotated[
        str, typer.Option(help="Who pauses; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Stop all new actions at once; it holds until somebody resumes, also over deployments of the stack."""
    import getpass

    from nightshift import clock
    from tools.cli import operators
    from tools.cli.connection import Connection

    before = operators.pauses(Connection(ctx.obj)).begin(by or getpass.getuser(), why, clock.now())
    if before is not None:
        print(f"already paused by {before.by} at {before.at}: {before.why}")
        return
    print("paused: nothing new is done to any node until: nightshift resume --why REASON")
