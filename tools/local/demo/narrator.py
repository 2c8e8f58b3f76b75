"""How the demo speaks: a live screen of nodes and a timeline, or plain lines for a log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nightshift.incident import Incident
from nightshift.journal import Entry
from tools.cli import screen, story
from tools.local.demo.world import Node, World

FEWEST_LINES, FRAMES = 4, 10  # of the timeline; of table head, borders and margins
REASON_WIDTH = 96


class Narrator(Protocol):
    """Tells what happens while it happens."""

    def say(self, text: str, style: str = "") -> None:
        """One line of the timeline."""
        ...

    def show(self, world: World) -> None:
        """The world as it is now."""
        ...


class Plain:
    """Lines on standard output, each with the seconds since the demo began."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def say(self, text: str, style: str = "") -> None:
        """Print the line."""
        self._console.print(escape(text), style=style or None, soft_wrap=True)

    def show(self, world: World) -> None:
        """A log needs no picture."""


class Screen:
    """A table of nodes above, the timeline below, as long as the terminal is high."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=8, transient=False)
        self._lines: list[Text] = []
        self._nodes: Table | Text = Text("booting ...", style="dim")

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._draw()
        self._live.__exit__(None, None, None)

    def say(self, text: str, style: str = "") -> None:
        """Add the line to the timeline."""
        self._lines.append(Text(text, style=style, overflow="ellipsis", no_wrap=True))
        self._draw()

    def show(self, world: World) -> None:
        """Draw the nodes as they are."""
        self._nodes = node_table(world.nodes, world.incidents)
        self._draw()

    def _draw(self) -> None:
        rows = self._nodes.row_count if isinstance(self._nodes, Table) else 1
        room = max(FEWEST_LINES, self._live.console.size.height - rows - FRAMES)
        self._live.update(Group(self._nodes, Panel(Group(*self._lines[-room:]), title="timeline")))


def node_table(nodes: Sequence[Node], incidents: Sequence[Incident]) -> Table:
    """Every node, what it runs, and what is being done about it."""
    table = screen.table("node", "id", "release", "service", "Nightshift")
    open_ones = {one.node_id: one for one in incidents if one.state in ("open", "escalated")}
    for node in sorted(nodes, key=lambda one: str(one["name"])):
        runs = f"pid {node['pid']}" if node["pid"] else "[red]down[/]"
        incident = open_ones.get(node["id"])
        table.add_row(node["name"], node["id"], node["release"] or "none", runs, _doing(incident))
    return table


def _doing(incident: Incident | None) -> str:
    if incident is None:
        return "[green]well[/]"
    if incident.state == "escalated":
        return f"[red]{incident.symptom}: paged[/]"
    level = incident.current
    what = (
        f"level {level.level} {level.remedy}"
        if level
        else (f"waits: {incident.wait}" if incident.wait else "looks")
    )
    return f"[yellow]{incident.symptom}: {what}[/]"


def line(incident: Incident, entry: Entry, name: str, start: datetime) -> tuple[str, str]:
    """A journal entry as one line of the timeline, and its style."""
    content = entry.content
    seconds = (screen.instant(str(content["at"])) - start).total_seconds()
    word, style = story.word(content)
    reason = screen.relative(str(content["reason"]).splitlines()[0], start)
    reason = reason.removeprefix(f"{incident.symptoms[incident.symptom].alarm}: ")
    short = reason if len(reason) <= REASON_WIDTH else f"{reason[: REASON_WIDTH - 1]}…"
    return f"{seconds:7.1f} s  {name:<12} {word:<13} {short}", style
