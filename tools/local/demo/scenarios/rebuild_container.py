"""A release is damaged: a restart cannot help, the service is recreated from its release, level 2."""

from __future__ import annotations

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults


class RebuildContainer(Healing):
    """The program on disk is garbled."""

    name, title = "rebuild_container", "garble the release of web-local-2, so that a restart cannot help"
    node, remedy, level = "web-local-2", "rebuild_container", 2

    def fault(self, world: World) -> None:
        """Garble the program and kill the service."""
        faults.break_release(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """It runs again, as another process."""
        return self.restarted(world, incident)
