"""Whichever call dies of those that take a node out of its traffic, or put it back: it serves again."""

from __future__ import annotations

from pathlib import Path

from tests.faults.crashes import Crashes, everywhere
from tests.functional.deploying import switched
from tests.functional.machine import Machine
from tests.functional.staging import POLICY
from tests.functional.sweeping import sweep
from tests.functional.world import World

OURS = ("drain_node ", "verify_health ")


def test_a_node_that_was_taken_out_serves_again_whichever_call_dies(tmp_path: Path) -> None:
    """By its verification, or by the sweep: in the end nobody is out, and the node was healed."""

    def life(world: World, crashes: Crashes) -> None:
        world.pulse = lambda when, call: crashes.pulse(when, call) if call.startswith(OURS) else None
        sick, _ = world.instances()
        world.fall_ill(sick)
        world.speak(sick)
        incident_id = world.subject(sick).open_incident
        Machine(world, incident_id).run()
        assert world.incident(incident_id).state == "healed"
        world.pulse = None
        world.pass_time(5)
        for _ in range(2):  # the first gives it requests, the second finds it healthy
            sweep(world)
        assert world.group().drained == frozenset()
        assert world.targets.states[sick] == "healthy"
        assert world.pages() == []

    reports = tmp_path / "reports"
    reports.mkdir()
    everywhere(reports, life, switched(POLICY), least=15)
