"""List the incidents, or show one."""

from __future__ import annotations

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
    from nightshift.aws.fleet import Nodes

    return {node.node_id: node.name for node in Nodes(connection.output("NodesTable")).listing()}


def _show(incidents: list[Incident], names: dict[str, str]) -> None:
    from nightshift import clock
    from tools.cli import screen

    now = clock.now()
    table = screen.table("incident", "subject", "symptom", "state", "opened", "lasted", "tried", "reason")
    for incident in incidents:
        end = screen.instant(incident.closed_at) if incident.closed_at else now
        lasted = screen.duration((end - screen.instant(incident.opened_at)).total_seconds())
        tried = "\n".join(
            f"{each.remedy} {screen.coloured(each.outcome)} {each.seconds} s" for each in incident.levels
        )
        subject = names.get(incident.subject, incident.subject)
        state, opened = screen.coloured(incident.state), screen.ago(incident.opened_at, now)
        table.add_row(
            incident.incident_id, subject, incident.symptom, state, opened, lasted, tried or "-",
            screen.plain(screen.relative(incident.reason, screen.instant(incident.opened_at))),
        )  # fmt: skip
    screen.console().print(table if incidents else "no incidents: a quiet night")
