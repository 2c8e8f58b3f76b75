"""The CPU is busy and stays busy: after the policy's duration the service is restarted."""

from __future__ import annotations

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults


class SustainedHealed(Healing):
    """A child of the service that never ends."""

    name, title = "sustained_healed", "a runaway child of the service on api-local-3 keeps its CPU busy"
    node, symptom, remedy, level = "api-local-3", "cpu_sustained", "restart_service", 1
    patience_seconds = 90.0

    def fault(self, world: World) -> None:
        """Spin until somebody restarts the service."""
        faults.spin_cpu(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """It was not acted upon before it had lasted."""
        return self.restarted(world, incident)
