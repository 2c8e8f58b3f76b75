"""What an incident, a deployment or a month cost at list prices, estimated from the journal."""

from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.decisions.cost import Prices, Usage
    from tools.cli.costing import Counted

PANEL = "Look"
DEAREST = 5
NOTE = (
    "Estimated from the journal: 250 ms of 512 MB for each function, no free tier. Not in it: what runs"
    " whether or not anything happens (schedules, sweeps, inspections, alarms, storage, logs)."
)


def command(
    ctx: typer.Context,
    chain: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="An incident or a deployment; by default the newest.", show_default=False
        ),
    ] = "",
    month: Annotated[
        str,
        typer.Option(metavar="YYYY-MM", help="Everything that began in a month (UTC).", show_default=False),
    ] = "",
    file: Annotated[
        Path | None,
        typer.Option(help="What `journal export` wrote; no stack is asked.", show_default=False),
    ] = None,
    instance_usd: Annotated[
        str, typer.Option(help="What an hour of your nodes costs, for replacements.", show_default=False)
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Estimate what an incident, a deployment or a month cost, out of the journal, at list prices."""
    from nightshift.decisions.cost import total
    from tools.cli import costing, screen

    listed = costing.prices()
    if instance_usd:
        listed = replace(listed, instance_hour=_amount(instance_usd), instance="as you say")
    counted = _counted(ctx, chain, month, file)
    usage = total(one.usage for one in counted)
    if as_json:
        screen.print_json(_report(counted, usage, listed))
    else:
        _tell(counted, usage, listed)


def _counted(ctx: typer.Context, chain: str, month: str, file: Path | None) -> list[Counted]:
    from tools.cli import costing, history
    from tools.cli.commands.replay import read
    from tools.cli.connection import Connection

    if month and file is None:
        found = history.of_stack(Connection(ctx.obj), since=_month(month))
    else:
        found = read(ctx, chain, file)
    counted = [costing.count(one, found.given) for one in found.chains if one.entries]
    return [one for one in counted if one.began.startswith(_month(month) if month else "")]


def _month(month: str) -> str:
    from datetime import datetime

    try:
        return f"{datetime.strptime(month, '%Y-%m'):%Y-%m}"  # noqa: DTZ007 - a month has no zone
    except ValueError as error:
        raise typer.BadParameter(f"{month!r} is no month, like 2026-11", param_hint="--month") from error


def _amount(text: str) -> Decimal:
    from decimal import InvalidOperation

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise typer.BadParameter(f"{text!r} is no amount, like 0.0208", param_hint="--instance-usd")
    return amount


def _report(counted: list[Counted], usage: Usage, listed: Prices) -> dict[str, object]:
    from nightshift.decisions.cost import bill, estimate

    return {
        "usd": _text(estimate(usage, listed)),
        "prices_as_of": listed.as_of,
        "usage": asdict(usage),
        "usd_by_kind": {name: _text(price) for name, price in bill(usage, listed).items()},
        "chains": [{"id": one.chain, "usd": _text(estimate(one.usage, listed))} for one in counted],
        "note": NOTE,
    }


def _tell(counted: list[Counted], usage: Usage, listed: Prices) -> None:
    from nightshift.decisions.cost import bill, estimate
    from tools.cli import screen

    amounts = asdict(usage)
    lines = [
        (name.replace("_", " "), str(amounts[name]), _text(price))
        for name, price in bill(usage, listed).items()
    ]
    whole = estimate(usage, listed)
    screen.print_columns(("what", "how much", "US dollars"), [*lines, ("all", "", _text(whole))])
    if len(counted) == 1:
        print(f"{counted[0].chain}: {whole * 100:.4f} US cents")
    elif counted:
        print(f"{len(counted)} incidents and deployments, {whole / len(counted) * 100:.4f} US cents each")
        dearest = sorted(counted, key=lambda one: estimate(one.usage, listed), reverse=True)
        for one in dearest[:DEAREST]:
            print(f"  {one.chain}  {estimate(one.usage, listed) * 100:.4f} US cents")
    print(f"list prices of {listed.as_of}; nodes: {listed.instance}")
    print(NOTE)


def _text(price: Decimal) -> str:
    return f"{price:.8f}"
