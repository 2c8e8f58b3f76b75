"""List the releases of an app, and how each fared."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "Look"


def command(
    ctx: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="The app's name.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List an app's releases, the newest first, and how each fared in its groups."""
    from nightshift.aws.releases import Releases
    from tools.cli import screen
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    found = Releases(Connection(ctx.obj).output("ReleasesTable")).of_app(app)[::-1]
    if as_json:
        screen.print_json([one.model_dump(mode="json") for one in found])
        return
    if not found:
        raise CliError(f"{app} has no release", "push to its branch, or look at the policy's apps")
    table = screen.table("version", "commit", "author", "message", "bytes", "fared")
    for one in found:
        fared = ", ".join(f"{group} {stand.state}" for group, stand in sorted(one.standings.items()))
        first = screen.plain(one.message.partition("\n")[0])
        table.add_row(
            one.version, one.commit[:12], screen.plain(one.author), first, str(one.size), fared or "-"
        )
    screen.console().print(table)
