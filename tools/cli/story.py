"""An incident's journal told as a story that a person can follow at three in the morning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from nightshift.deployment import Deployment
from nightshift.fleet import Node
from nightshift.incident import Incident
from nightshift.journal import Entry, Verification
from tools.cli import screen

LINES = 6  # of an action's output, the last ones, unless everything is asked for

#: What an entry means, by kind and verdict, with the colour of how it went.
WORDS = {
    ("opened", "opened"): ("opened", "bold"),
    ("joined", "joined"): ("joined by", "bold"),
    ("admission", "allow"): ("allowed", "green"),
    ("admission", "wait"): ("waits", "yellow"),
    ("admission", "refuse"): ("refused", "red"),
    ("admission", "delegate"): ("delegated", "yellow"),
    ("approval", "requested"): ("asks", "yellow"),
    ("approval", "approved"): ("approved", "green"),
    ("approval", "denied"): ("denied", "red"),
    ("intent", "act"): ("acts", "cyan"),
    ("traffic", "leaves"): ("drains", "cyan"),
    ("result", "succeeded"): ("done", "cyan"),
    ("result", "failed"): ("did not work", "red"),
    ("diagnostics", "saved"): ("looked", "dim"),
    ("diagnostics", "not_saved"): ("saw nothing", "yellow"),
    ("verification", "healthy"): ("verified", "green"),
    ("verification", "unhealthy"): ("did not help", "red"),
    ("succeeded", "replaced"): ("successor", "cyan"),
    ("page", "sent"): ("paged", "red"),
    ("opened", "push"): ("pushed", "bold"),
    ("opened", "manual"): ("ordered", "bold"),
    ("opened", "rollback"): ("goes back", "bold"),
    ("gates", "wait"): ("waits", "yellow"),
    ("gates", "stop"): ("stopped", "red"),
    ("gates", "late"): ("gives up", "red"),
    ("gates", "ask"): ("asks", "yellow"),
    ("plan", "planned"): ("planned", "green"),
    ("plan", "refused"): ("refused", "red"),
    ("rollout", "next_batch"): ("next batch", "green"),
    ("rollout", "wait"): ("waits", "yellow"),
    ("rollout", "bake"): ("watches", "yellow"),
    ("rollout", "roll_back"): ("rolls back", "red"),
    ("rollout", "succeed"): ("succeeds", "green"),
    ("rollout", "stop"): ("stops", "red"),
    ("result", "installed"): ("installed", "cyan"),
    ("verification", "judged"): ("judged", "cyan"),
    ("cleared", "escalated"): ("alarm quiet", "dim"),
    ("cleared", "open"): ("alarm quiet", "dim"),
}

#: The inputs of an admission that say which numbers were compared, and how they are called.
COMPARED = {
    "held_since": "held since",
    "newest_samples": "newest samples",
    "attempts": "attempts on the node",
    "leases": "leases",
    "limits": "limits",
}


def tell(
    incident: Incident, node: Node | None, entries: Sequence[Entry], check: Verification, *, full: bool
) -> None:
    """Print the story; ``full`` adds every input that was weighed."""
    console = screen.console()
    _head(console, incident, node)
    start = screen.instant(incident.opened_at)
    console.print(_lines(entries, start, full=full))
    console.print()
    if incident.diagnostics:
        console.print(f"[dim]diagnostics: nightshift diagnostics {incident.incident_id}[/]")
        for key in incident.diagnostics:
            console.print(f"[dim]  {screen.plain(key)}[/]")
    _foot(console, check)


def tell_deployment(
    deployment: Deployment, entries: Sequence[Entry], check: Verification, *, full: bool
) -> None:
    """Print a deployment's story, from the push to its end, and how each node stands."""
    console = screen.console()
    start = screen.instant(deployment.created_at)
    console.print(f"[bold]{deployment.deployment_id}[/]: {screen.plain(deployment.subject)}")
    state = screen.coloured(deployment.state)
    if deployment.closed_at:
        seconds = (screen.instant(deployment.closed_at) - start).total_seconds()
        state = f"{state} after {screen.duration(seconds)}"
    console.print(f"{state}; began {start:%Y-%m-%d %H:%M:%S} UTC. Seconds below count from there.\n")
    console.print(_lines(entries, start, full=full))
    console.print()
    for node, one in sorted(deployment.nodes.items()):
        last = one.detail.splitlines()[-1] if one.detail else ""
        console.print(f"{node}  {screen.coloured(one.state)}  {screen.plain(screen.relative(last, start))}")
    if deployment.undone_by:
        console.print(f"undone by {deployment.undone_by}: nightshift why {deployment.undone_by}")
    _foot(console, check)


def _lines(entries: Sequence[Entry], start: datetime, *, full: bool) -> Table:
    """One line an entry: when, what, why; and what stands below it."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", no_wrap=True, style="dim")
    lines.add_column(no_wrap=True)
    lines.add_column(overflow="fold")
    for entry in entries:
        content = entry.content
        since = (screen.instant(str(content["at"])) - start).total_seconds()
        said, style = word(content)
        reason = screen.plain(screen.relative(str(content["reason"]), start))
        lines.add_row(f"{since:+.1f} s", f"[{style}]{said}[/]", reason)
        for detail in details(content, start, full=full):
            lines.add_row("", "", f"[dim]{screen.plain(detail)}[/]")
    return lines


def _foot(console: Console, check: Verification) -> None:
    if check.intact:
        console.print(f"[dim]journal: {check.entries} entries, the chain is intact[/]")
    else:
        console.print(f"[red]journal: BROKEN at entry {check.broken_at}: {screen.plain(check.reason)}[/]")


def _head(console: Console, incident: Incident, node: Node | None) -> None:
    known = node is not None and node.name != node.node_id
    name = f"{node.name} ({node.node_id})" if node and known else incident.node_id
    console.print(
        f"[bold]{incident.incident_id}[/]: {incident.symptom} on {screen.plain(name)}, {incident.group}"
    )
    opened = f"{screen.instant(incident.opened_at):%Y-%m-%d %H:%M:%S} UTC"
    state = screen.coloured(incident.state)
    if incident.closed_at:
        seconds = (screen.instant(incident.closed_at) - screen.instant(incident.opened_at)).total_seconds()
        state = f"{state} after {screen.duration(seconds)}"
    console.print(f"{state}; opened {opened}. Seconds below count from there.\n")


def word(content: Mapping[str, Any]) -> tuple[str, str]:
    """What an entry is called in a story, and the colour of that."""
    kind, verdict = str(content["kind"]), str(content["verdict"])
    if kind == "closed":
        return verdict, screen.COLOURS.get(verdict, "bold")
    return WORDS.get((kind, verdict), (f"{kind}: {verdict}", "default"))


def details(content: Mapping[str, Any], start: datetime, *, full: bool) -> Iterator[str]:
    """What stands below an entry's reason: the values that decided, and the end of an output."""
    inputs: Mapping[str, Any] = content["inputs"]
    if full:
        yield from (
            f"{name}: {screen.relative(_flat(value), start)}" for name, value in inputs.items() if value
        )
        return
    if content["kind"] == "admission" and content["verdict"] != "allow":
        until = f", asks again at {screen.relative(inputs['until'], start)}" if inputs.get("until") else ""
        yield f"guard: {inputs.get('guard', '')}{until}"
        yield from (
            f"{said}: {screen.relative(_flat(inputs[name]), start)}"
            for name, said in COMPARED.items()
            if inputs.get(name)
        )
    if content["kind"] == "result":
        lines = str(inputs.get("output", "")).strip().splitlines()
        if len(lines) > LINES:
            yield f"... {len(lines) - LINES} lines more: --full"
        yield from (f"| {screen.relative(line, start)}" for line in lines[-LINES:])
        if inputs.get("diagnostics"):
            yield f"diagnostics: {inputs['diagnostics']}"
    if inputs.get("diagnostics_not_saved"):
        yield f"diagnostics not saved: {inputs['diagnostics_not_saved']}"


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_flat(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(inner) for inner in value)
    return str(value)
