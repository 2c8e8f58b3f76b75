"""Explain one incident: every decision, action and refusal, out of its journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    incident_id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An incident, a deployment, a command or `pause`; by default the newest incident.",
            show_default=False,
        ),
    ] = "",
    full: Annotated[
        bool, typer.Option("--full", help="All inputs and the whole output of each action.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Explain one incident: each decision, action and refusal."""
    from nightshift.aws.journals import Journals
    from nightshift.aws.nodes import Nodes
    from nightshift.journal import verify
    from tools.cli import operators, screen, story
    from tools.cli.commands import commands, run
    from tools.cli.commands.incidents import find, row, store
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    if incident_id == "pause":
        if not operators.tell(connection, as_json=as_json):
            raise typer.Exit(1)
        return
    if incident_id.startswith("dep-"):
        _deployment(connection, incident_id, full=full, as_json=as_json)
        return
    if incident_id.startswith("cmd-"):
        run.show(connection, commands.find(connection, incident_id), as_json=as_json)
        return
    incident = find(store(connection), incident_id)
    entries = list(Journals(connection.output("JournalTable")).read(incident.incident_id))
    check = verify(incident.incident_id, entries, incident.head)
    if as_json:
        journal = {"entries": check.entries, "intact": check.intact, "reason": check.reason}
        screen.print_json(
            {**row(incident), "entries": [entry.content for entry in entries], "journal": journal}
        )
    else:
        node = Nodes(connection.output("NodesTable")).get(incident.node_id)
        story.tell(incident, node, entries, check, full=full)
    if not check.intact:
        raise typer.Exit(1)


def _deployment(connection: Connection, deployment_id: str, *, full: bool, as_json: bool) -> None:
    """The story of one deployment; exit 1 when its journal is broken."""
    from tools.cli import history, screen, story
    from tools.cli.commands import deployments

    found = deployments.find(connection, deployment_id)
    (chain,) = history.of_stack(connection, deployment_id).chains
    if as_json:
        entries = [entry.content for entry in chain.entries]
        screen.print_json({**found.model_dump(mode="json"), "entries": entries, "intact": chain.check.intact})
    else:
        story.tell_deployment(found, chain.entries, chain.check, full=full)
    if not chain.check.intact:
        raise typer.Exit(1)
