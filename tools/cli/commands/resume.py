"""Allow actions again."""

from __future__ import annotations

import typer

PANEL = "Act"


def command(ctx: typer.Context) -> None:
    """Allow actions again after a pause."""
    from nightshift import clock
    from nightshift.aws.fleet import Groups
    from tools.cli import screen
    from tools.cli.connection import Connection

    groups = Groups(Connection(ctx.obj).output("GroupsTable"))
    pause = groups.pause()
    if pause is None:
        print("nothing is paused")
        return
    groups.set_pause(None)
    print(f"resumed; it was paused by {pause.by} {screen.ago(pause.at, clock.now())}: {pause.why}")
