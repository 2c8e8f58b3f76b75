"""Stop all new actions at once."""

from __future__ import annotations

import getpass
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
    """Stop all new actions at once."""
    from nightshift import clock
    from nightshift.aws.fleet import Groups
    from nightshift.incident import Pause
    from tools.cli.connection import Connection

    groups = Groups(Connection(ctx.obj).output("GroupsTable"))
    before = groups.pause()
    if before is not None:
        print(f"already paused by {before.by} at {before.at}: {before.why}")
        return
    groups.set_pause(Pause(by=by or getpass.getuser(), why=why, at=clock.iso(clock.now())))
    print("paused: nothing new is done to any node until: nightshift resume")
