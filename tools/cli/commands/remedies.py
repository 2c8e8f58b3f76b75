"""The remedies that a ladder may name, and how they fared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.incident import Incident
    from tools.cli.connection import Connection

PANEL = "Look"
NEWEST = 500  # incidents of each state


@dataclass(frozen=True)
class Row:
    """One remedy; ``fared`` is by symptom, over the newest incidents.

    ``in_vain`` says where it does not help at present: the tries in a row, and whether it is left out.
    """

    remedy: str
    risk: str
    seconds: int
    what: str
    fared: dict[str, dict[str, int]]
    in_vain: list[str]


def command(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """List the remedies with their risk, and how often each has helped, by symptom."""
    from nightshift import remedies
    from tools.cli import screen
    from tools.cli.commands.incidents import STATES, store
    from tools.cli.connection import Connection

    connection = Connection(ctx.obj)
    adapter, in_vain = store(connection), list(_in_vain(connection))
    counts = tallied(one for state in STATES for one in adapter.listing(state, NEWEST))
    rows: list[Row] = []
    for name in sorted(remedies.names()):
        module = remedies.load(name)
        what = (module.__doc__ or "").strip().partition("\n")[0]
        fared = {symptom: tally for (remedy, symptom), tally in sorted(counts.items()) if remedy == name}
        told = [said for remedy, said in in_vain if remedy == name]
        rows.append(Row(name, module.RISK, module.EXPECTED_SECONDS, what, fared, told))
    if as_json:
        screen.print_json([asdict(row) for row in rows])
        return
    heading = ("remedy", "risk", "takes", "helped", "what it does")
    lines = [(row.remedy, row.risk, f"{row.seconds} s", _helped(row.fared), row.what) for row in rows]
    below = [[f"[yellow]{screen.plain(one)}[/]" for one in row.in_vain] for row in rows]
    screen.print_columns(heading, lines, below)


def _in_vain(connection: Connection) -> Iterator[tuple[str, str]]:
    """Remedies whose last tries were in vain, as the groups remember them, each with what is said of it."""
    from nightshift import clock
    from nightshift.aws.groups import Groups
    from nightshift.aws.policies import Policies
    from nightshift.decisions import efficacy

    adopted, groups = Policies(connection.output("PoliciesTable")), Groups(connection.output("GroupsTable"))
    if not adopted.version():
        return
    _, policy = adopted.current()
    for name in sorted(policy.groups):
        group, settings = groups.get(name), policy.healing_of(name).skip_hopeless
        for key, one in sorted(group.fared.items() if group else ()):
            symptom, _, remedy = key.partition("/")
            evidence = efficacy.hopeless(group.fared if group else {}, symptom, remedy, settings, clock.now())
            if evidence:
                yield remedy, f"{symptom} in {name}: {evidence}"
            elif one.in_vain > 1:
                yield (
                    remedy,
                    f"{symptom} in {name}: {one.in_vain} times in a row in vain, last at {one.last_at}",
                )


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
