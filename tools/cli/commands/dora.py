"""The four key figures of software delivery."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.decisions.dora import Figures
    from tools.cli.connection import Connection

PANEL = "Look"
MANY = 10_000  # deployments of a group within the time


def command(
    ctx: typer.Context,
    app: Annotated[str, typer.Option(help="One app only.", show_default=False)] = "",
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days back.")] = 30,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Deployment frequency, lead time, change failure rate and time to restore, by app and group."""
    from tools.cli import screen
    from tools.cli.connection import Connection

    found = _figures(Connection(ctx.obj), app, timedelta(days=days))
    if as_json:
        screen.print_json(
            [{"app": one, "group": group, "days": days, **asdict(it)} for one, group, it in found]
        )
        return
    heading = ("app", "group", "deployments", "a day", "lead time", "failed", "time to restore")
    screen.print_columns(heading, [(one, group, *_words(it)) for one, group, it in found])
    print(f"the last {days} days; times are medians; see `nightshift deployments` for each")


def _figures(connection: Connection, app: str, back: timedelta) -> list[tuple[str, str, Figures]]:
    from nightshift import clock
    from nightshift.aws.policies import Policies
    from nightshift.aws.releases import Releases
    from nightshift.decisions import dora
    from tools.cli.commands.deployments import store
    from tools.cli.errors import CliError

    _, policy = Policies(connection.output("PoliciesTable")).current()
    if app and app not in policy.apps:
        raise CliError(f"the policy deploys no app {app}", f"it deploys {', '.join(sorted(policy.apps))}")
    deployments, now = store(connection), clock.now()
    found = []
    for name in [app] if app else sorted(policy.apps):
        built = Releases(connection.output("ReleasesTable")).of_app(name)
        committed = {one.commit: one.committed_at for one in built}
        for group in policy.apps[name].groups:
            own = [one for one in deployments.of_group(group, MANY) if one.app == name]
            found.append((name, group, dora.figures(own, committed, now - back, now)))
    return found


def _words(figures: Figures) -> tuple[str, ...]:
    rate = "-" if figures.failure_rate is None else f"{figures.failed} ({figures.failure_rate} %)"
    lead, restore = (_time(one) for one in (figures.lead_seconds, figures.restore_seconds))
    return str(figures.deployments), str(figures.per_day), lead, rate, restore


def _time(seconds: int | None) -> str:
    return "-" if seconds is None else str(timedelta(seconds=seconds))
