"""Allow actions again."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    why: Annotated[str, typer.Option("--why", "-m", help="The reason, for the journal.")],
    by: Annotated[
        str, typer.Option(help="Who resumes; by default the user of this machine.", show_default=False)
    ] = "",
) -> None:
    """Allow actions again after a pause; the journal keeps who paused, who resumed, and why."""
    import getpass

    from nightshift import clock
    from tools.cli import operators, screen
    from tools.cli.connection import Connection

    ended = operators.pauses(Connection(ctx.obj)).end(by or getpass.getuser(), why, clock.now())
    if ended is None:
        print("nothing is paused")
        return
    print(f"resumed; it was paused by {ended.by} {screen.ago(ended.at, clock.now())}: {ended.why}")
    print("every pause so far: nightshift why pause")
