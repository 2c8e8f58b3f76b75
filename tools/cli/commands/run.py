"""Run a command on many nodes at once, over SSM and SSH, and see who answered what."""

from __future__ import annotations

import getpass
import sys
import time
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nightshift.fleet_command import FleetCommand
    from tools.cli.connection import Connection

PANEL = "Act"
COLOURS = {"Success": "green", "InProgress": "yellow", "Pending": "yellow"}  # red: all that ended otherwise
LOOK_SECONDS = 0.3
NARROW = {"show_default": False}


def command(
    ctx: typer.Context,
    argv: Annotated[
        list[str] | None, typer.Argument(metavar="-- CMD", help="A program with its arguments.")
    ] = None,
    node: Annotated[list[str] | None, typer.Option(help="This node, by name or id; may be repeated.")] = None,
    group: Annotated[str, typer.Option(help="The nodes of this group.", **NARROW)] = "",
    app: Annotated[str, typer.Option(help="The nodes of this app.", **NARROW)] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Nodes with this label.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every node in service.")] = False,
    max_concurrency: Annotated[str, typer.Option(help="Nodes at once: 10 or 25%.", **NARROW)] = "",
    max_errors: Annotated[str, typer.Option(help="Nodes that may fail: 0, 3 or 10%.", **NARROW)] = "",
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that it may take on a node.")] = 60,
    sudo: Annotated[bool, typer.Option("--sudo", help="As root where SSH is the way; SSM is root.")] = False,
    why: Annotated[str, typer.Option("--why", "-m", help="The reason; it is kept.", **NARROW)] = "",
    retry_failed: Annotated[
        str, typer.Option(metavar="ID", help="Again where ID failed or never began.", **NARROW)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Run a command on many nodes at once; exit 1 unless it succeeded on every one.

    It begins on one node, then two, then four. No shell reads it: for pipes, run sh -c '...'.
    """
    from tools.cli.connection import Connection

    selector = {
        "nodes": node or [], "group": group, "app": app, "everything": everything,
        "labels": dict(_pair(one) for one in label or []),
    }  # fmt: skip
    if bool(argv) == bool(retry_failed):
        raise typer.BadParameter("name a command after -- (or --retry-failed ID, which has its own)")
    order = {
        "argv": argv or [], "selector": selector, "retry_of": retry_failed, "sudo": sudo, "seconds": timeout,
        "max_concurrency": _amount(max_concurrency), "max_errors": _amount(max_errors), "why": why,
    }  # fmt: skip
    connection = Connection(ctx.obj)
    begun = begin(connection, order)
    ended = _follow(connection, begun["command_id"], quiet=as_json)
    show(connection, ended, as_json=as_json)
    if ended.state != "Success":
        raise typer.Exit(1)


def _amount(text: str) -> int | str | None:
    """A number of nodes or a share of them, as the policy writes it too."""
    return int(text) if text.isdecimal() else text or None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE")
    return name, value


def begin(connection: Connection, order: dict[str, Any]) -> dict[str, Any]:
    """Have ``start_command`` begin it. Raises CliError with its refusal."""
    payload = {"id": str(uuid.uuid4()), "by": getpass.getuser(), **order}
    return connection.ask("StartCommandFunction", payload, "see nightshift run --help", NEXT)


NEXT = {
    "run.not_allowed": "allow it in the policy, run: { allowed: true }, and have it adopted",
    "run.too_many_nodes": "name fewer nodes, or raise run.max_nodes in the policy",
    "run.too_long": "a shorter --timeout, or raise run.max_seconds in the policy",
    "run.unknown": "see them: nightshift commands",
    "run.nothing_to_retry": "see how it went: nightshift commands ID",
    "selection.nothing_named": "name nodes: --node, --group, --app, --label, or --all",
    "selection.unknown_node": "see the nodes: nightshift nodes",
    "selection.empty": "see the nodes: nightshift nodes",
}


def _follow(connection: Connection, command_id: str, *, quiet: bool) -> FleetCommand:
    """Show how far it is until it is over. Ctrl-C leaves it running, and says how to stop it."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from nightshift.fleet_command import ERRORS, UNFINISHED
    from tools.cli.commands.commands import store

    adapter = store(connection)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    with Progress(
        *columns, TimeElapsedColumn(), console=Console(stderr=True), disable=quiet, transient=True
    ) as bar:
        task = bar.add_task(command_id, total=None, told="")
        try:
            while not (found := adapter.get(command_id)).is_over:
                ended = sum(number for status, number in found.counts.items() if status not in UNFINISHED)
                failed = sum(found.counts.get(status, 0) for status in ERRORS)
                told = f"{found.counts.get('InProgress', 0)} running, {failed} failed"
                bar.update(task, total=found.nodes, completed=ended, told=told)
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            print(f"{command_id} goes on; stop it: nightshift stop {command_id} --why ...", file=sys.stderr)
            raise
    return found


def show(connection: Connection, ended: FleetCommand, *, as_json: bool) -> None:
    """What every node answered: one block for all that answered the same."""
    from tools.cli import screen
    from tools.cli.commands.commands import groups, store

    rows = store(connection).rows(ended.command_id)
    if as_json:
        nodes = [row.model_dump(mode="json", exclude={"command_id"}) for row in rows]
        screen.print_json({**ended.model_dump(mode="json"), "rows": nodes})
        return
    console = screen.console()
    for block in groups(rows):
        first = block[0]
        colour = COLOURS.get(first.status, "red")
        reasons = {row.reason for row in block}
        reason = f"  {screen.plain(first.reason)}" if len(reasons) == 1 else ""
        names = screen.plain(", ".join(row.name for row in block))
        console.print(
            f"[bold {colour}]{first.status}[/] [bold]{len(block)}[/]  {names}{reason}", soft_wrap=True
        )
        if len(reasons) > 1:
            print("\n".join(f"  {row.name}: {row.reason}" for row in block))
        for text in (first.stdout, first.stderr):
            if text.strip():
                print(text.rstrip("\n"))
    why = f" ({ended.why})" if ended.why else ""
    print(f"{ended.command_id}: {' '.join(ended.argv)} by {ended.by}{why}")
    asked = ended.stop_requested
    stopping = f"no other node begins, for {asked}" if asked else "it still runs"
    print(f"{ended.state}, {ended.reason or stopping}")
    if ended.is_over and ended.state != "Success":
        print(f"again where it failed or never began: nightshift run --retry-failed {ended.command_id}")
