"""Print what an incident's node was like before each remedy, out of the artifacts bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    incident_id: Annotated[
        str, typer.Argument(metavar="ID", help="The incident; by default the newest.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Show what the node was like before each remedy: processes, disk, sockets, log."""
    from tools.cli import screen
    from tools.cli.commands.incidents import find, store
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    incident = find(store(connection), incident_id)
    saved = [{"key": key, "text": _text(connection, key)} for key in incident.diagnostics]
    if as_json:
        screen.print_json({"id": incident.incident_id, "diagnostics": saved})
        return
    if not saved:
        print(f"{incident.incident_id} has no diagnostics: no document has ended on its node, or see why")
    console = screen.console()
    for one in saved:
        console.print(f"[bold]{screen.plain(one['key'])}[/]")
        console.print(screen.plain(one["text"]), highlight=False)
        console.print()


def _text(connection: Connection, key: str) -> str:
    """One saved output, or a line that says that it is gone: they are kept for 90 days."""
    from botocore.exceptions import ClientError

    from nightshift.aws import artifacts

    try:
        return artifacts.text(connection.output("ArtifactsBucket"), key)
    except ClientError as error:
        return f"(cannot be read: {error.response['Error']['Code']}; diagnostics are kept for 90 days)"
