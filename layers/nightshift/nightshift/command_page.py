"""What a person hears of a command on many nodes that met an error which no repetition mends."""

from __future__ import annotations

from nightshift.events import CommandCompleted
from nightshift.pages import Page


def compose(command: CommandCompleted) -> Page:
    """The one page about a command, however many of its nodes met the error."""
    lines = [
        f"What: {command.by} ran a command on {command.nodes} nodes; {command.reason}.",
        f"Why you: {command.alert}; trying again gives the same answer.",
        *command.alerted,
        f"Next: nightshift commands {command.command_id}; docs/runbook.md says what each code asks for.",
    ]
    title = f"[nightshift] {command.alert} on nodes of a command"
    return Page(command.command_id, title, "\n".join(lines), severity="error", kind="command")
