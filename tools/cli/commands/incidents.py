"""List the incidents, or show one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tools.cli.errors import CliError

if TYPE_CHECKING:
    from nightshift.aws.incidents import Incidents
    from nightshift.incident import Incident
    from tools.cli.connection import Connection

PANEL = "Look"
# nightshift.incident.State, which takes too long to import for --help; a test holds them together.
STATES = ("open", "healed", "escalated", "suppressed", "resolved")


def command(
    ctx: typer.Context,
    incident_id: Annotated[
        str, typer.Argument(metavar="ID", help="One incident only.", show_default=False)
    ] = "",
    state: Annotated[
        str,
        typer.Option(help="Only open, healed, escalated, suppressed or resolved ones.", show_default=False),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the newest incidents, or show one."""
    from tools.cli import screen
    from tools.cli.connection import Connection

    if state and state not in STATES:
        raise typer.BadParameter(
            f"'{state}' is no state; there are {', '.join(STATES)}", param_hint="--state"
        )
    connection = Connection(ctx.obj)
    adapter = store(connection)
    found = [find(adapter, incident_id)] if incident_id else newest(adapter, limit, state)
    if as_json:
        shown = [row(incident) for incident in found]
        screen.print_json(shown[0] if incident_id else shown)
        return
    _show(found, _names(connection))
    if incident_id:
        print(f"the whole story: nightshift why {incident_id}")


def store(connection: Connection) -> Incidents:
    """The incidents of a stack."""
    from nightshift.aws.incidents import Incidents
    from nightshift.aws.journals import Journals

    return Incidents(connection.output("IncidentsTable"), Journals(connection.output("JournalTable")))


def find(adapter: Incidents, incident_id: str) -> Incident:
    """One incident by its whole id, or the newest for an empty one; raises CliError."""
    from nightshift.errors import Permanent

    if not incident_id:
        latest = newest(adapter, 1)
        if not latest:
            raise CliError("there is no incident yet", "break something: kill -9 a pid of nightshift nodes")
        return latest[0]
    try:
        return adapter.get(incident_id)
    except Permanent as error:
        raise CliError(error.message, "see which there are: nightshift incidents") from error


def newest(adapter: Incidents, limit: int, state: str = "") -> list[Incident]:
    """Up to ``limit`` incidents, the newest first, in one state or in any."""
    found = [incident for one in ([state] if state else STATES) for incident in adapter.listing(one, limit)]
    return sorted(found, key=lambda incident: incident.opened_at, reverse=True)[:limit]


def row(incident: Incident) -> dict[str, Any]:
    """One incident in the shape of ``--json``."""
    return {
        "id": incident.incident_id,
        "subject": incident.subject,
        "symptom": incident.symptom,
        "state": incident.state,
        "reason": incident.reason,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "levels": [
            {"level": each.level, "remedy": each.remedy, "outcome": each.outcome, "seconds": each.seconds}
            for each in incident.levels
        ],
    }


def _names(connection: Connection) -> dict[str, str]:
    from nightshift.aws.nodes import Nodes

    return {node.node_id: node.name for node in Nodes(connection.output("NodesTable")).listing()}


def _show(incidents: list[Incident], names: dict[str, str]) -> None:
    """One line each, and below it what was tried and how it ended: that fits the narrowest terminal."""
    from nightshift import clock
    from tools.cli import screen

    now = clock.now()
    if not incidents:
        print("no incidents: a quiet night")
        return
    lines = [
        (
            one.incident_id,
            one.state,
            one.symptom,
            names.get(one.subject, one.subject),
            screen.ago(one.opened_at, now),
        )
        for one in incidents
    ]
    below = [list(_details(one, now)) for one in incidents]
    screen.print_columns(("incident", "state", "symptom", "subject", "opened"), lines, below)


def _details(incident: Incident, now: datetime) -> Iterator[str]:
    from tools.cli import screen

    opened = screen.instant(incident.opened_at)
    for each in incident.levels:
        yield f"level {each.level} {each.remedy}: {screen.coloured(each.outcome)}, {each.seconds} s"
    if incident.closed_at:
        lasted = screen.duration((screen.instant(incident.closed_at) - opened).total_seconds())
        yield f"{screen.coloured(incident.state)} after {lasted}: {_reason(incident, opened)}"
    else:
        lasted = screen.duration((now - opened).total_seconds())
        yield f"{screen.coloured(incident.state)} for {lasted} now {_reason(incident, opened)}".rstrip()


def _reason(incident: Incident, opened: datetime) -> str:
    from tools.cli import screen

    return screen.plain(screen.relative(incident.reason, opened))
