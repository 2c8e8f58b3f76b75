"""Write the key that a node signs its pushed samples with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Act"


def command(
    ctx: typer.Context,
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's id.", show_default=False)],
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; readable by you alone.")],
) -> None:
    """Write a node's key into a file, for you to bring to the node; it is shown nowhere."""
    from nightshift import pushing
    from nightshift.aws import secrets
    from tools.cli import screen
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    if not pushing.is_node(node):
        raise CliError(f"{node} is no node's id", "see the ids: nightshift nodes")
    master = secrets.read(Connection(ctx.obj).output("SamplesSecretArn"))
    try:
        file = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CliError(f"{to}: {error.strerror}", "name a file that does not exist yet") from error
    with os.fdopen(file, "w") as out:
        out.write(pushing.node_key(master, node).hex() + "\n")
    screen.console().print(f"{to}: the key of {node}; on the node it is /etc/nightshift/push.key, mode 0600")
