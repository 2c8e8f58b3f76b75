"""The remedies that a ladder may name, and how they fared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.incident import Incident

PANEL = "Look"
NEWEST = 500  # incidents of each state


@dataclass(frozen=True)
class Row:
    """One remedy; ``fared`` is by symptom, over the newest incidents."""

    remedy: str
    risk: str
    seconds: int
    what: str
    fared: dict[str, dict[str, int]]


def command(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the remedies with their risk, and how often each has helped, by symptom."""
    from nightshift import remedies
    from tools.cli import screen
    from tools.cli.commands.incidents import STATES, store
    from tools.cli.connection import Connection

    adapter = store(Connection(ctx.obj))
    counts = tallied(one for state in STATES for one in adapter.listing(state, NEWEST))
    rows: list[Row] = []
    for name in sorted(remedies.names()):
        module = remedies.load(name)
        what = (module.__doc__ or "").strip().partition("\n")[0]
        fared = {symptom: tally for (remedy, symptom), tally in sorted(counts.items()) if remedy == name}
        rows.append(Row(name, module.RISK, module.EXPECTED_SECONDS, what, fared))
    if as_json:
        screen.print_json([asdict(row) for row in rows])
        return
    heading = ("remedy", "risk", "takes", "helped", "what it does")
    lines = [(row.remedy, row.risk, f"{row.seconds} s", _helped(row.fared), row.what) for row in rows]
    screen.print_columns(heading, lines)


def tallied(incidents: Iterable[Incident]) -> dict[tuple[str, str], dict[str, int]]:
    """How often each remedy was tried for a symptom and how often it helped, from incidents that ended."""
    tried: Counter[tuple[str, str]] = Counter()
    helped: Counter[tuple[str, str]] = Counter()
    for incident in incidents:
        for level in incident.levels:
            if level.outcome in ("healed", "failed"):
                tried[level.remedy, level.symptom] += 1
                helped[level.remedy, level.symptom] += level.outcome == "healed"
    return {key: {"helped": helped[key], "tried": count} for key, count in tried.items()}


def _helped(fared: Mapping[str, Mapping[str, int]]) -> str:
    found = [f"{symptom} {one['helped']} of {one['tried']}" for symptom, one in fared.items()]
    return ", ".join(found) or "-"
