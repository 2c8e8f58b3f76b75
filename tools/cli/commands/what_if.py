"""Another policy over what was recorded: what would it have done otherwise?"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.policy import Policy
    from tools.cli.history import History
    from tools.cli.what_if import Outcome

PANEL = "Look"


class FailOn(StrEnum):
    """What makes the exit code 1."""

    difference = "difference"
    pages = "pages"
    never = "never"


def command(
    ctx: typer.Context,
    policy: Annotated[
        Path, typer.Argument(metavar="POLICY", help="The other policy.", exists=True, dir_okay=False)
    ],
    since: Annotated[
        str, typer.Option(help="What began at or after this day or instant (UTC).", show_default=False)
    ] = "2000",
    file: Annotated[
        Path | None,
        typer.Option(help="What `journal export` wrote; no stack is asked.", show_default=False),
    ] = None,
    alarm_history: Annotated[
        Path | None,
        typer.Option(
            help="What `aws cloudwatch describe-alarm-history` printed, instead of journals.",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            help="With --alarm-history: the policy to compare with; by default the stack's.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    group: Annotated[
        str, typer.Option(help="With --alarm-history: the group that its nodes are in.", show_default=False)
    ] = "",
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit 1 for any difference, only for more pages, or never.")
    ] = FailOn.difference,
    markdown: Annotated[bool, typer.Option("--markdown", help="Markdown, for a pull request.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Try a policy on recorded incidents and deployments, up to the first other decision of each."""
    from dataclasses import asdict

    from tools.cli import policies, screen, what_if
    from tools.cli.errors import CliError

    wanted = policies.sound(policy)
    if alarm_history:
        outcome = what_if.over_alarms(alarm_history, _other(ctx, against), wanted, group)
    elif against or group:
        raise CliError("--against and --group belong to --alarm-history", "name the file, or leave them out")
    else:
        outcome = what_if.over_journals(_history(ctx, since, file), wanted)
    if as_json:
        screen.print_json(asdict(outcome) | {"totals": outcome.totals})
    else:
        print("\n".join(what_if.markdown(outcome) if markdown else what_if.plain(outcome)))
    if _fails(outcome, fail_on):
        raise typer.Exit(1)


def _fails(outcome: Outcome, fail_on: FailOn) -> bool:
    if fail_on == FailOn.pages:
        return outcome.totals["pages"] > 0
    return fail_on == FailOn.difference and bool(outcome.different)


def _other(ctx: typer.Context, against: Path | None) -> Policy:
    from tools.cli import policies
    from tools.cli.connection import Connection

    return policies.sound(against) if against else policies.current(Connection(ctx.obj))


def _history(ctx: typer.Context, since: str, file: Path | None) -> History:
    from tools.cli import history
    from tools.cli.commands.replay import read
    from tools.cli.connection import Connection

    if file is None:
        return history.of_stack(Connection(ctx.obj), since=since)
    found = read(ctx, "", file)
    history.require_day(since)
    begun = tuple(one for one in found.chains if str(one.entries[0].content["at"]) >= since)
    return history.History(begun, found.given)
