"""Is the stack up, and is all well?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from tools.cli.connection import Connection

PANEL = "Look"


def command(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Is the stack up, is all well? Exit 1 if it is not up."""
    from tools.cli import screen
    from tools.cli.connection import Connection
    from tools.local import record
    from tools.local.paths import home

    target = ctx.obj
    if not target.aws and not target.endpoint and record.running() is None:
        facts = _not_up(home())
    else:
        facts = _facts(Connection(target))
    if as_json:
        screen.print_json(facts)
    else:
        _show(facts)
    if facts["state"] != "up":
        raise typer.Exit(1)


def _not_up(place: Path) -> dict[str, Any]:
    from tools.local import record

    known = record.daemons(place)
    ended = {daemon.name: daemon.pid for daemon in known if daemon.process() is None}
    if ended:
        return {"state": "broken", "ended": ended}
    return {"state": "incomplete" if known else "down", "ended": {}}


def _facts(connection: Connection) -> dict[str, Any]:
    from nightshift.aws.groups import Groups
    from nightshift.aws.policies import Policies
    from tools.cli.commands import incidents, nodes

    listed = [row for row in nodes.rows(connection) if row["state"] != "terminated"]
    open_ones = incidents.newest(incidents.store(connection), 100, "open")
    pause = Groups(connection.output("GroupsTable")).pause()
    pointer = Policies(connection.output("PoliciesTable")).pointer()
    return {
        "state": "up",
        **connection.place,
        "nodes": len(listed),
        "in_service": sum(1 for row in listed if row["state"] == "in_service"),
        "open_incidents": [incident.incident_id for incident in open_ones],
        "paused": pause.model_dump() if pause else None,
        "policy": pointer.points_to,
        "policy_refused": pointer.refused.model_dump() if pointer.refused else None,
    }


def _show(facts: dict[str, Any]) -> None:
    if facts["state"] == "down":
        print("down: no local stack is running\n  start it: make up    or look at AWS: --profile NAME")
        return
    if facts["state"] == "broken":
        print(f"broken: {_word(facts['ended'])} ended unasked\n  clear it: make down    then: make up")
        return
    if facts["state"] == "incomplete":
        print("incomplete: it is still starting, or its start was cut short")
        print("  clear it: make down    then: make up")
        return
    print("up: " + "    ".join(f"{name} {_word(facts[name])}" for name in PLACE if facts.get(name)))
    print(
        f"nodes: {facts['in_service']} of {facts['nodes']} in service    policy: {facts['policy'] or 'none'}"
    )
    print(f"open incidents: {', '.join(facts['open_incidents']) or 'none'}")
    if facts["policy_refused"]:
        refused = facts["policy_refused"]
        print(f"REFUSED a policy at {refused['at']}: {refused['code']}; see nightshift config show")
    if facts["paused"]:
        print(f"PAUSED by {facts['paused']['by']} at {facts['paused']['at']}: {facts['paused']['why']}")


def _word(value: object) -> str:
    return (
        ", ".join(f"{name} {inner}" for name, inner in value.items())
        if isinstance(value, dict)
        else str(value)
    )


PLACE = ("endpoint", "pid", "started_at", "profile", "region", "stack")
