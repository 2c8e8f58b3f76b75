"""What people did to all of Nightshift: pause and resume, with who and why, out of the journal."""

from __future__ import annotations

from typing import Any

from nightshift.aws.groups import Groups
from nightshift.aws.journals import Journals
from nightshift.aws.pauses import CHAIN, Pauses
from nightshift.journal import Entry, Verification, verify
from tools.cli import screen
from tools.cli.connection import Connection


def pauses(connection: Connection) -> Pauses:
    """The pause of a stack."""
    return Pauses(Groups(connection.output("GroupsTable")), Journals(connection.output("JournalTable")))


def story(connection: Connection) -> tuple[list[Entry], Verification]:
    """Every pause and its end, the oldest first, and whether the chain is whole."""
    entries = list(Journals(connection.output("JournalTable")).read(CHAIN))
    return entries, verify(CHAIN, entries, pauses(connection).head or None)


def tell(connection: Connection, *, as_json: bool) -> bool:
    """Print the story; whether the chain is whole."""
    entries, check = story(connection)
    if as_json:
        journal: dict[str, Any] = {"entries": check.entries, "intact": check.intact, "reason": check.reason}
        screen.print_json({"entries": [entry.content for entry in entries], "journal": journal})
        return check.intact
    if not entries:
        print("nobody has paused anything yet")
    for entry in entries:
        content = entry.content
        print(f"{content['at']}  {content['verdict']:<7}  by {content['reason']}")
    if not check.intact:
        print(f"journal: BROKEN at entry {check.broken_at}: {check.reason}")
    return check.intact
