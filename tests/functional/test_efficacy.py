"""A group remembers how remedies fared, and leaves out what did not help."""

from __future__ import annotations

import pytest

from tests.functional.endings import levels
from tests.functional.machine import heal
from tests.functional.staging import POLICY, made


def test_after_so_many_tries_in_vain_the_next_rung_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """Twice a restart did not help: the third time the release is fetched again at once."""
    text = POLICY + "  skip_hopeless: { after: 2, retry_minutes: 60 }\n"
    with made(text) as world:
        sick, _ = world.instances()
        world.cures.remove("RestartService")
        for _ in range(2):
            world.fall_ill(sick)
            incident_id, _ = heal(world, sick)
            assert levels(world, incident_id)[0] == (1, "restart_service", "failed")
            world.pass_time(60)
        world.fall_ill(sick)
        incident_id, _ = heal(world, sick)
        assert levels(world, incident_id) == [(2, "rebuild_container", "healed")]
        fared = world.group().fared
        assert fared["service_down/restart_service"].in_vain == 2
        assert (fared["service_down/rebuild_container"].helped, world.group().leases) == (3, {})
