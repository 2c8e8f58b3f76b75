"""List the commands that people ran on many nodes, or show one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.aws.fleet_commands import FleetCommands
    from nightshift.fleet_command import FleetCommand, Row
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    command_id: Annotated[str, typer.Argument(metavar="ID", help="One only.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the newest commands, or show what each node answered to one."""
    from nightshift import clock
    from tools.cli import screen
    from tools.cli.commands import run
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    if command_id:
        run.show(connection, find(connection, command_id), as_json=as_json)
        return
    listed = list(store(connection).newest(limit))
    if as_json:
        screen.print_json([one.model_dump(mode="json") for one in listed])
        return
    if not listed:
        print("nobody has run a command: nightshift run --help")
        return
    now = clock.now()
    table = screen.table("id", "by", "began", "state", "on", "command", "how it went")
    for one in listed:
        words = screen.plain(" ".join(one.argv))
        state = screen.coloured(one.state)
        table.add_row(
            one.command_id,
            one.by,
            screen.ago(one.created_at, now),
            state,
            one.selected,
            words,
            screen.plain(one.reason),
        )
    screen.console().print(table)


def store(connection: Connection) -> FleetCommands:
    """The commands of a stack."""
    from nightshift.aws.fleet_commands import FleetCommands
    from nightshift.aws.journals import Journals

    return FleetCommands(connection.output("CommandsTable"), Journals(connection.output("JournalTable")))


def find(connection: Connection, command_id: str) -> FleetCommand:
    """One command; raises CliError when there is none."""
    from tools.cli.errors import CliError

    found = store(connection).find(command_id)
    if found is None:
        raise CliError(f"there is no command {command_id}", "see them: nightshift commands")
    return found


def groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that ended alike with the same output together; what failed comes last, where it is read."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda one: (one.group, one.name)):
        why = row.reason.partition(": ")[0]  # the code of an error, whose message names the node
        key = (row.status, row.exit_status, row.stdout, row.stderr, why)
        found.setdefault(key, []).append(row)
    return sorted(found.values(), key=lambda block: (block[0].status != "Success", -len(block)))
