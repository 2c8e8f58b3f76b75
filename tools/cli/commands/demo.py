"""The guided tour: real faults, really healed."""

from __future__ import annotations

from typing import Annotated

import typer

PANEL = "The local stack"


def command(
    plain: Annotated[bool, typer.Option("--plain", help="Plain lines for a log, no live screen.")] = False,
) -> None:
    """Break real processes and watch them heal; three minutes."""
    from tools.local.demo import main

    raise typer.Exit(main(plain=plain))
