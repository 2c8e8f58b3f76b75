"""The demo's end: a summary for a person, and the same as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from nightshift import journal
from tools.cli import screen
from tools.local.demo.bill import Bill
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World

MOST_CALLS = 4


def write(path: Path, results: Sequence[Result], seconds: float) -> None:
    """Write ``demo-report.json``."""
    report = {"version": 1, "seconds": round(seconds, 1), "scenarios": [asdict(result) for result in results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")


def broken_chains(world: World) -> list[str]:
    """The incidents and deployments whose journal does not verify, with the reason."""
    chains = {one.incident_id: one.head for one in world.incidents}
    chains |= {one.deployment_id: one.head for one in world.deployments("web-local")}
    checks = [journal.verify(chain, world.journals.read(chain), head) for chain, head in chains.items()]
    return [f"{check.chain}: {check.reason}" for check in checks if not check.intact]


def show(
    console: Console, results: Sequence[Result], world: World, bill: Bill, broken: Sequence[str]
) -> None:
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
    entries = sum(one.seq for one in world.incidents)
    state = (
        f"[red]BROKEN: {escape('; '.join(broken))}[/]"
        if broken
        else "[green]verified[/], every chain is whole"
    )
    console.print(f"journal          {entries} entries in {len(world.incidents)} chains, {state}")


def _by_level(results: Sequence[Result]) -> str:
    healed: dict[int, list[float]] = {}
    for result in results:
        if result.outcome == "healed":
            healed.setdefault(result.level, []).append(result.seconds)
    return ", ".join(
        f"level {level}: {sum(all_) / len(all_):.1f} s" for level, all_ in sorted(healed.items())
    )
