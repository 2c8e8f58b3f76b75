"""The demo's end: a summary for a person, and the same as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tools.cli import replaying, screen
from tools.cli.history import Chain
from tools.local.demo.bill import Bill
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World

MOST_CALLS = 4


def write(path: Path, results: Sequence[Result], seconds: float) -> None:
    """Write ``demo-report.json``."""
    report = {"version": 1, "seconds": round(seconds, 1), "scenarios": [asdict(result) for result in results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


@dataclass(frozen=True)
class Audit:
    """How the journals stand: how much is in them, and what is wrong, as one reason a problem."""

    chains: int
    entries: int
    decisions: int
    problems: tuple[str, ...]


def audit(world: World) -> Audit:
    """Verify the journal of every incident and deployment, and make each of its decisions again."""
    heads = {one.incident_id: one.head for one in world.incidents}
    heads |= {one.deployment_id: one.head for one in world.deployments("web-local")}
    chains = [Chain(name, tuple(world.journals.read(name)), head) for name, head in heads.items()]
    problems = [f"{one.name}: {one.check.reason}" for one in chains if not one.check.intact]
    made = [
        (one.name, again)
        for one in chains
        if one.check.intact
        for entry in one.entries
        for again in replaying.replay(entry, world.journals.given)
    ]
    problems += [
        f"{name} #{again.seq} {again.name}: {again.outcome} {again.reason}"
        for name, again in made
        if again.outcome != "identical"
    ]
    return Audit(len(chains), sum(len(one.entries) for one in chains), len(made), tuple(problems))


def show(console: Console, results: Sequence[Result], world: World, bill: Bill, audited: Audit) -> None:
    """Print the summary."""
    table = screen.table("scenario", "result", "outcome", "level", "seconds")
    for result in results:
        verdict = "[green]passed[/]" if result.passed else "[red]FAILED[/]"
        table.add_row(result.name, verdict, result.outcome, str(result.level or "-"), f"{result.seconds:.1f}")
    console.print(table)
    for result in results:
        if not result.passed:
            console.print(f"[red]{result.name}[/]: {escape(json.dumps(result.evidence, indent=2))}")
    console.print(f"time to heal     {_by_level(results)}")
    total, most = sum(bill.calls.values()), bill.calls.most_common(MOST_CALLS)
    shown = ", ".join(f"{call} {count}" for call, count in most)
    console.print(f"calls            {total} by the functions: {shown}, ...")
    cents, count = bill.cost_per_incident * 100, len(world.incidents)
    console.print(f"estimated cost   {cents:.4f} US cents per incident, over {count} incidents")
    console.print(f"                 [dim]list prices of {escape(bill.prices_as_of)}[/]")
    state = (
        f"[red]BROKEN: {escape('; '.join(audited.problems))}[/]"
        if audited.problems
        else "[green]verified[/], every chain is whole"
    )
    console.print(f"journal          {audited.entries} entries in {audited.chains} chains, {state}")
    if not audited.problems:
        console.print(
            f"                 {audited.decisions} decisions made again, each the same byte for byte"
        )


def _by_level(results: Sequence[Result]) -> str:
    healed: dict[int, list[float]] = {}
    for result in results:
        if result.outcome == "healed":
            healed.setdefault(result.level, []).append(result.seconds)
    return ", ".join(
        f"level {level}: {sum(all_) / len(all_):.1f} s" for level, all_ in sorted(healed.items())
    )
