"""How commands speak: JSON for programs, quiet tables and relative times for people."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich takes longer to import than all the rest of a --json command
    from rich.console import Console
    from rich.table import Table

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MINUTE, HOUR, DAY = 60, 3_600, 86_400  # in seconds
KEPT_WHOLE = ("node", "id")  # what a person copies
PIPE_WIDTH = 140  # columns for output that no terminal measures

COLOURS = {
    "in_service": "green", "healed": "green", "resolved": "green", "Success": "green",
    "open": "yellow", "pending": "yellow", "replacing": "yellow", "running": "yellow",
    "escalated": "red", "failed": "red", "unknown": "red",
    "suppressed": "dim", "terminated": "dim",
}  # fmt: skip


def console() -> Console:
    """A console on standard output; colours obey NO_COLOR and whether it is a terminal."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(width=width, highlight=False, soft_wrap=False)


def table(*columns: str, title: str = "") -> Table:
    """An empty table with left-aligned columns and no more lines than it needs."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in KEPT_WHOLE)
    return made


def print_columns(
    heading: Sequence[str], lines: Sequence[Sequence[str]], below: Sequence[Sequence[str]] = ()
) -> None:
    """Print ``lines`` under a heading in columns as narrow as they can be; never broken, easy to copy from.

    ``below`` holds, for each line, what stands under it, as rich markup.
    """
    out = console()
    widths = [max(map(len, column)) for column in zip(heading, *lines, strict=True)]
    out.print(f"[bold]{_padded(heading, widths)}[/]")
    for line, details in zip_longest(lines, below, fillvalue=()):
        out.print(_padded(line, widths), soft_wrap=True)
        for detail in details:
            out.print(f"    {detail}")


def _padded(words: Sequence[str], widths: Sequence[int]) -> str:
    columns = (coloured(word) + " " * (width - len(word)) for word, width in zip(words, widths, strict=True))
    return "  ".join(columns).rstrip()


def coloured(word: str) -> str:
    """A state or outcome in the colour of its meaning, as rich markup."""
    from rich.markup import escape

    colour = COLOURS.get(word)
    return f"[{colour}]{escape(word)}[/]" if colour else escape(word)


def print_json(value: object) -> None:
    """``value`` as indented JSON on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def instant(text: str) -> datetime:
    """An instant as the tables hold it."""
    return datetime.fromisoformat(text)


def ago(text: str, now: datetime) -> str:
    """How long ago an instant was, as a person says it."""
    return f"{duration((now - instant(text)).total_seconds())} ago"


def duration(seconds: float) -> str:
    """Seconds in at most two units: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min {seconds % MINUTE:02.0f} s"
    if seconds < DAY:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR // MINUTE:02.0f} min"
    return f"{seconds // DAY:.0f} d {seconds % DAY // HOUR:.0f} h"


def relative(text: str, start: datetime) -> str:
    """``text`` with every instant in it as seconds from ``start``: ``gone since +3.4 s``."""

    def seconds(found: re.Match[str]) -> str:
        return f"{(instant(found.group()) - start).total_seconds():+.1f} s"

    return INSTANT.sub(seconds, text)


def plain(text: str) -> str:
    """Text that came from elsewhere, safe inside rich markup."""
    from rich.markup import escape

    return escape(text)
