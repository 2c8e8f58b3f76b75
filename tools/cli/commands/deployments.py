"""List the deployments, or show one node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.aws.deployments import Deployments
    from nightshift.deployment import Deployment
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    deployment_id: Annotated[str, typer.Argument(metavar="ID", help="One only.", show_default=False)] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many of each group.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch one until it is over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the newest deployments, or show one node by node; exit 1 when one that is followed fails."""
    from nightshift.aws.policies import Policies
    from tools.cli import progress, screen
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    connection = Connection(ctx.obj)
    if follow:
        if not deployment_id:
            raise CliError("only one deployment can be followed", "nightshift deployments ID --follow")
        find(connection, deployment_id)
        progress.follow(store(connection), deployment_id, quiet=as_json)
    if deployment_id:
        shown = show(connection, deployment_id, as_json=as_json)
        if follow and shown.state != "Succeeded":
            raise typer.Exit(1)
        return
    adapter = store(connection)
    _, policy = Policies(connection.output("PoliciesTable")).current()
    groups = sorted({group for app in policy.apps.values() for group in app.groups})
    found = [one for group in groups for one in adapter.of_group(group, limit)]
    found.sort(key=lambda one: one.created_at, reverse=True)
    if as_json:
        screen.print_json([one.model_dump(mode="json") for one in found])
        return
    table = screen.table("id", "app", "group", "kind", "release", "state", "began", "why")
    for one in found:
        version = one.release.version if one.release else "-"
        told = (screen.coloured(one.state), one.created_at, screen.plain(one.reason))
        table.add_row(one.deployment_id, one.app, one.group, one.kind, version, *told)
    screen.console().print(table)


def store(connection: Connection) -> Deployments:
    """The deployments of a stack."""
    from nightshift.aws.deployments import Deployments
    from nightshift.aws.journals import Journals

    journals = Journals(connection.output("JournalTable"))
    return Deployments(connection.output("DeploymentsTable"), journals)


def find(connection: Connection, deployment_id: str) -> Deployment:
    """One deployment; raises CliError when there is none."""
    from tools.cli.errors import CliError

    found = store(connection).find(deployment_id)
    if found is None:
        raise CliError(f"there is no deployment {deployment_id}", "see them: nightshift deployments")
    return found


def show(connection: Connection, deployment_id: str, *, as_json: bool) -> Deployment:
    """Show one, node by node, and its journal."""
    from tools.cli import screen

    found = find(connection, deployment_id)
    if as_json:
        screen.print_json(found.model_dump(mode="json"))
        return found
    print(
        f"{found.subject}: {found.state} ({found.kind}, {found.commit[:12] or 'no commit'} by {found.author})"
    )
    print(found.reason)
    for node, one in sorted(found.nodes.items()):
        print(f"  {node}  {one.state}  {one.detail.splitlines()[-1] if one.detail else ''}")
    for entry in store(connection).story(deployment_id):
        print(f"  {entry['at']}  {entry['kind']:<12}  {entry['verdict']:<10}  {entry['reason']}")
    if found.undone_by:
        print(f"undone by {found.undone_by}")
    return found
