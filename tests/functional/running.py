"""A person's command in a world: an order, and a walk through its machine."""

from __future__ import annotations

import uuid
from typing import Any

from nightshift.aws.fleet_commands import FleetCommands
from nightshift.fleet_command import FleetCommand, Row
from tests.functional.machine import Machine
from tests.functional.staging import POLICY
from tests.functional.world import World
from tests.stack import stack

ALLOWED = POLICY + "run: { allowed: true, max_errors: 100% }\n"


def order(world: World, *argv: str, **more: Any) -> str:
    """A person orders a command on every node; its id."""
    more = {"selector": {"everything": True}, **more}
    request = {"id": str(uuid.uuid4()), "by": "ada", "argv": argv or ("uname", "-s"), **more}
    return str(world.invoke("start_command", request)["command_id"])


def run(world: World, *argv: str, **more: Any) -> tuple[FleetCommand, dict[str, Row]]:
    """Order it and walk its machine to the end; the command, and its rows by node."""
    return walk(world, order(world, *argv, **more))


def walk(world: World, command_id: str) -> tuple[FleetCommand, dict[str, Row]]:
    """Walk the machine to the end."""
    Machine(world, command_id, "run").run()
    store = commands(world)
    return store.get(command_id), {row.node_id: row for row in store.rows(command_id)}


def commands(world: World) -> FleetCommands:
    """Every command."""
    return FleetCommands(stack().ref("CommandsTable"), world.journals)
