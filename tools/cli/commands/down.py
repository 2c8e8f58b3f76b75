"""Stop the local stack and leave nothing behind."""

from __future__ import annotations

PANEL = "The local stack"


def command() -> None:
    """Stop them and leave nothing behind but the demo's report."""
    from tools.cli.errors import CliError
    from tools.local.stack import StackFailed, down

    try:
        done = down()
    except StackFailed as failed:
        raise CliError(failed.message, failed.next_step) from failed
    for line in done or ["nothing was running, nothing was left behind"]:
        print(line)
