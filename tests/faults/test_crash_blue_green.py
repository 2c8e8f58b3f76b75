"""Whichever call dies while requests are switched, or switched back: they go to one group that is well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crashes import Crashes, everywhere
from tests.functional.colours import OTHER, coloured, crossing, nodes, paint, state, switches
from tests.functional.deploying import commit, push, repository, walk
from tests.functional.state import GROUP
from tests.functional.world import World

OURS = ("plan_deployment ", "switch_front ", "close_deployment ")


@pytest.mark.parametrize("lasts", [True, False])
def test_requests_go_to_one_group_that_is_well_whichever_call_dies(tmp_path: Path, *, lasts: bool) -> None:
    """Each switch happened once; no group's turn is left; one notification of what was taken back."""
    folder = repository(tmp_path / "web")
    sha = commit(folder, "page", "new")

    def life(world: World, crashes: Crashes) -> None:
        world.pulse = None
        paint(world)
        world.pulse = lambda when, call: crashes.pulse(when, call) if call.startswith(OURS) else None
        began = push(world, folder, sha)
        machine = crossing(world, began)
        if not lasts:
            world.fall_ill(nodes(OTHER)[0])
        ended = walk(world, began, machine)
        assert ended.state == ("Succeeded" if lasts else "Failed"), ended.reason
        assert switches(world) == ([OTHER] if lasts else [OTHER, GROUP])
        assert all(
            (state(world, one).deploying, state(world, one).leases) == ("", {}) for one in (GROUP, OTHER)
        )
        assert len(world.pages()) == (0 if lasts else 1)

    reports = tmp_path / "reports"
    reports.mkdir()
    everywhere(reports, life, coloured(folder), least=30)
