"""Look at every node now: begin a pass, follow it, and show what stands out."""

from __future__ import annotations

import getpass
import json
import time
import uuid
import webbrowser
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nightshift.passes import Pass
    from tools.cli.connection import Connection

PANEL = "Act"
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 600  # the sweep concludes a pass long before, whatever was lost


def command(
    ctx: typer.Context,
    group: Annotated[str, typer.Option(help="Only the nodes of this group.", show_default=False)] = "",
    last: Annotated[bool, typer.Option("--last", help="The newest report; no new pass.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the report as a page.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Inspect the fleet: CPU, memory, disks, services and drift of every node."""
    from nightshift import passes
    from tools.cli import screen
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    place = passes.LATEST if last else _follow(connection, _begin(connection, group), quiet=as_json)
    report = json.loads(_stored(connection, passes.report_key(place, "json")))
    if as_json:
        screen.print_json(report)
    else:
        _show(report)
    if open_page:
        page = Path(mkdtemp(prefix="nightshift-")) / "inspection.html"
        page.write_text(_stored(connection, passes.report_key(place, "html")))
        print(f"the page is {page}")
        webbrowser.open(page.as_uri())


def _begin(connection: Connection, group: str) -> str:
    """Have ``inspect_fleet`` begin a pass; its id."""
    order = {"id": str(uuid.uuid4()), "by": getpass.getuser(), "group": group}
    return str(connection.ask("InspectFleetFunction", order, "see the groups: nightshift nodes")["pass_id"])


def _follow(connection: Connection, pass_id: str, *, quiet: bool) -> str:
    """Show how far the pass is until it has its report; its id."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from nightshift.aws.inspections import Inspections
    from tools.cli.errors import CliError

    store, until = Inspections(connection.output("InspectionsTable")), time.monotonic() + PATIENCE_SECONDS
    words = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f} batches"),
    )
    with Progress(
        *words, TimeElapsedColumn(), console=Console(stderr=True), disable=quiet, transient=True
    ) as bar:
        task = bar.add_task(pass_id, total=1)
        while time.monotonic() < until:
            found: Pass = store.get(pass_id)
            bar.update(task, total=found.batches, completed=len(found.collected))
            if found.reported_at:
                return pass_id
            time.sleep(LOOK_SECONDS)
    raise CliError(
        f"{pass_id} has no report after {PATIENCE_SECONDS} s", "see what failed: nightshift status"
    )


def _stored(connection: Connection, key: str) -> str:
    from botocore.exceptions import ClientError

    from nightshift.aws import artifacts
    from tools.cli.errors import CliError

    try:
        return artifacts.text(connection.output("ArtifactsBucket"), key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise CliError(f"there is no report ({code})", "begin a pass: nightshift inspect") from error


def _show(report: dict[str, Any]) -> None:
    from nightshift import checks
    from tools.cli import screen

    names = checks.names()
    table = screen.table("node", "group", *(checks.load(name).TITLE for name in names), "what is new")
    for row in report["rows"]:
        news = screen.plain("; ".join([*row["news"], *row["drift"]]))
        if row["reason"]:
            silent = f"[red]{screen.plain(row['reason'])}[/]"
            table.add_row(row["name"], row["group"], *["-"] * len(names), f"{silent} {news}".strip())
        else:
            cells = (_cell(row["readings"].get(name), checks.load(name).UNIT) for name in names)
            table.add_row(row["name"], row["group"], *cells, news)
    console = screen.console()
    console.print(table)
    console.print(
        f"{report['pass_id']}: {report['answered']} of {report['nodes']} nodes answered, "
        f"{report['findings']} findings, {report['drift']} drifted"
    )
    if report["gone"]:
        console.print(f"gone since the last pass: {screen.plain(', '.join(report['gone']))}")


def _cell(reading: dict[str, Any] | None, unit: str) -> str:
    if reading is None:
        return "-"
    text = f"{reading['value']:g}{unit}"
    return f"[bold red]{text}[/]" if reading["ill"] else text
