"""List the nodes: where they are, what they run, how they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Nodes that were terminated as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the nodes: group, state, release, process; those that the policy has reached by SSH at the end."""
    from tools.cli import screen
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    found = [*rows(connection), *_by_ssh(connection)]
    if not every:
        found = [row for row in found if row["state"] != "terminated"]
    if as_json:
        screen.print_json(found)
        return
    _show(found)


def _show(found: list[dict[str, Any]]) -> None:
    from tools.cli import screen

    if not found:
        print("no nodes: no Auto Scaling group of the policy has started one yet, and it lists none for SSH")
        return
    here = any(row["local"] for row in found)
    heading = ("node", "id", "group", "by", "state", "release", *(("port", "pid") if here else ()))
    lines = [
        (
            *(row[name] or "-" for name in ("name", "id", "group", "transport", "state", "release")),
            *(_process(row) if here else ()),
        )
        for row in found
    ]
    screen.print_columns(heading, lines)


def _process(row: dict[str, Any]) -> tuple[str, str]:
    local = row["local"] or {}
    return str(local.get("port") or "-"), str(local.get("pid") or "-")


def rows(connection: Connection) -> list[dict[str, Any]]:
    """Every node of the inventory, by group and name, with what the local fleet knows of it.

    ``local`` is null for nodes that do not run on this machine.
    """
    from nightshift.aws.nodes import Nodes

    fleet = connection.fleet_nodes()
    listed = [
        {
            "id": node.node_id,
            "name": node.name,
            "app": node.app,
            "group": node.group,
            "transport": node.transport,
            "state": node.state,
            "release": node.release,
            "url": fleet.get(node.node_id, {}).get("url", ""),
            "local": _local(fleet.get(node.node_id)),
        }
        for node in Nodes(connection.output("NodesTable")).listing()
    ]
    return sorted(listed, key=lambda row: (row["group"], row["name"], row["id"]))


def _by_ssh(connection: Connection) -> list[dict[str, Any]]:
    """The nodes without an agent. The inventory does not know them, so nobody watches their state."""
    from nightshift.aws.policies import Policies
    from nightshift.decisions import selection

    policies = Policies(connection.output("PoliciesTable"))
    if not policies.version():
        return []
    listed = {"app": "", "transport": "ssh", "state": "listed", "release": "", "url": "", "local": None}
    return [
        {"id": one.node_id, "name": one.name, "group": one.group, **listed}
        for one in sorted(selection.by_ssh(policies.current()[1]), key=lambda one: (one.group, one.name))
    ]


def _local(node: dict[str, Any] | None) -> dict[str, Any] | None:
    return {name: node[name] for name in ("dir", "pid", "port")} if node else None
