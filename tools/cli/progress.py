"""A deployment as it goes on: one line for each node, and for what undoes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table

from tools.cli import screen

if TYPE_CHECKING:
    from nightshift.aws.deployments import Deployments
    from nightshift.deployment import Deployment

LOOK_SECONDS = 1.0


def follow(store: Deployments, deployment_id: str, *, quiet: bool = False) -> Deployment:
    """Look until it is over, and what undoes it too; the deployment itself as it ended.

    On a terminal the lines stand and change; elsewhere each change is a line. ``quiet`` prints nothing.
    """
    shown = _silent if quiet else (_live if screen.console().is_terminal else _plain)
    ended = shown(store, deployment_id)
    if ended.undone_by:
        shown(store, ended.undone_by)
    return ended


def rows(deployment: Deployment) -> list[tuple[str, str, str]]:
    """Each node in the order of its batch: its name, how it stands, and the last line of why."""
    told = []
    for number, batch in enumerate(deployment.batches, start=1):
        for node in batch:
            touched = deployment.nodes.get(node)
            waits = ("Pending", f"batch {number} of {len(deployment.batches)}")
            told.append((node, *((touched.state, _last(touched.detail)) if touched else waits)))
    return told


def _looks(store: Deployments, deployment_id: str) -> Iterator[Deployment]:
    while True:
        one = store.get(deployment_id)
        yield one
        if one.is_over:
            return
        time.sleep(LOOK_SECONDS)


def _silent(store: Deployments, deployment_id: str) -> Deployment:
    *_, ended = _looks(store, deployment_id)
    return ended


def _plain(store: Deployments, deployment_id: str) -> Deployment:
    said: dict[str, tuple[str, str]] = {}
    for one in _looks(store, deployment_id):
        lines = [(deployment_id, one.state, one.reason), *rows(one)]
        now = {name: (state, why) for name, state, why in lines}
        for name, (state, why) in now.items():
            if said.get(name, ("Pending", ""))[0] != state:
                print(f"{name}  {state:<10}  {_last(why)}".rstrip(), flush=True)
        said = now
    return one


def _live(store: Deployments, deployment_id: str) -> Deployment:
    with Live(console=screen.console(), auto_refresh=False) as live:
        for one in _looks(store, deployment_id):
            live.update(_table(one), refresh=True)
    return one


def _table(one: Deployment) -> Table:
    table = screen.table(one.deployment_id, screen.coloured(one.state), screen.plain(_last(one.reason)))
    for name, state, why in rows(one):
        table.add_row(name, screen.coloured(state), screen.plain(why))
    return table


def _last(text: str) -> str:
    return text.strip().splitlines()[-1][-200:] if text.strip() else ""
