"""Start the embedded cloud and the local fleet, and leave them running."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

PANEL = "The local stack"


class Push(StrEnum):
    """How nodes push samples between passes."""

    NONE = "none"
    BATCH = "batch"
    INTERVAL = "interval"


def command(
    push: Annotated[Push, typer.Option(help="Whether nodes push samples between passes.")] = Push.NONE,
) -> None:
    """Start the embedded cloud and six nodes on this machine."""
    import time

    from tools.cli.errors import CliError
    from tools.cli.screen import duration
    from tools.local.stack import AlreadyUp, StackFailed, up

    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    try:
        stack = up(say, parameters={"PushSamples": push.value})
    except AlreadyUp as already:
        print(f"already up at {already.stack['endpoint']} since {already.stack['started_at']}")
        print("  look: nightshift status    stop: make down")
        return
    except StackFailed as failed:
        raise CliError(failed.message, failed.next_step) from failed
    print(f"up at {stack['endpoint']} after {duration(time.monotonic() - began)}")
    print(
        "  look: nightshift nodes    break one: kill -9 PID    then: nightshift incidents    stop: make down"
    )
