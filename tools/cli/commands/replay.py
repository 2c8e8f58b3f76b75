"""Make an incident's or deployment's decisions again out of its journal, and compare them byte for byte."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tools.cli.history import Chain, History
    from tools.cli.replaying import Replay

PANEL = "Look"


def command(
    ctx: typer.Context,
    chain: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="An incident or a deployment; by default the newest incident, or all of the file.",
            show_default=False,
        ),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="What `journal export` wrote; no stack is asked.", show_default=False),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Also what each decision was given.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Make recorded decisions again, without AWS, and compare; exit 1 if one differs or none can be made."""
    from tools.cli import replaying, screen

    history = read(ctx, chain, file)
    found = {
        one.name: [again for entry in one.entries for again in replaying.replay(entry, history.given)]
        for one in history.chains
        if one.check.intact
    }
    if as_json:
        screen.print_json([_row(one, found.get(one.name, [])) for one in history.chains])
    else:
        for one in history.chains:
            _tell(one, found.get(one.name, []), full=full)
    outcomes = [again.outcome for replays in found.values() for again in replays]
    if len(found) < len(history.chains) or "differs" in outcomes or "identical" not in outcomes:
        raise typer.Exit(1)


def read(ctx: typer.Context, chain: str, file: Path | None) -> History:
    """The journal that is asked for, of a file or of a stack; raises CliError when it is not there."""
    from tools.cli import history
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    if file is None:
        return history.of_stack(Connection(ctx.obj), chain)
    found = history.of_file(file)
    if found.problems:
        raise CliError(f"{file}: {found.problems[0]}", f"see all: nightshift journal verify --file {file}")
    chosen = tuple(one for one in found.chains if chain in ("", one.name))
    if not chosen:
        names = ", ".join(one.name for one in found.chains) or "nothing"
        raise CliError(f"{file} has no {chain or 'chain'}", f"it holds {names}")
    return history.History(chosen, found.given)


def _row(chain: Chain, replays: list[Replay]) -> dict[str, object]:
    check = chain.check
    decisions = [{name: value for name, value in asdict(one).items() if name != "given"} for one in replays]
    return {"id": chain.name, "intact": check.intact, "reason": check.reason, "decisions": decisions}


def _tell(chain: Chain, replays: list[Replay], *, full: bool) -> None:
    check = chain.check
    if not check.intact:
        print(f"{chain.name}: the journal is broken at entry {check.broken_at}: {check.reason}")
        return
    print(f"{chain.name}: {check.entries} entries, {len(replays)} decisions")
    for one in replays:
        print(f"  #{one.seq:<3} {one.at}  {one.name:<12}  {one.said:<10}  {one.outcome}")
        if one.reason:
            print(f"       {one.reason}")
        for part, before, after in one.differences:
            print(f"       {part}: recorded {before}, now {after}")
        if one.differences or full:
            print(f"       by policy {one.policy or '-'}; inputs: {one.given if full else _short(one.given)}")
    same = sum(one.outcome == "identical" for one in replays)
    print(f"  {same} of {len(replays)} came out the same, byte for byte{_codes(replays)}")


def _codes(replays: list[Replay]) -> str:
    from nightshift import code

    made = [one for one in replays if one.code]
    others = sorted({one.code for one in made if not one.same_code})
    if not made:
        return ""
    if not others:
        return f"; by the code that decided then, {code.digest()}"
    return f"; OTHER CODE: decided by {', '.join(others)}, made again by {code.digest()}"


def _short(text: str) -> str:
    from nightshift.journal import digest

    return f"{len(text.encode())} bytes, sha256 {digest(text)[:12]} (see them: --full)"
