"""A service is killed: a restart heals it, level 1."""

from __future__ import annotations

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults


class RestartService(Healing):
    """SIGKILL."""

    name, title = "restart_service", "kill -9 the service of web-local-1"
    node, remedy, level = "web-local-1", "restart_service", 1

    def fault(self, world: World) -> None:
        """Kill it."""
        faults.kill_service(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """It runs again, as another process."""
        return self.restarted(world, incident)
