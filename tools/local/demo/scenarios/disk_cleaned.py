"""A disk fills up: it is cleaned, and the service is not restarted for it."""

from __future__ import annotations

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults


class DiskCleaned(Healing):
    """Rotated logs."""

    name, title = "disk_cleaned", "fill the disk of web-local-2 with rotated logs"
    node, symptom, remedy, level = "web-local-2", "disk_full", "clean_disk", 1

    def fault(self, world: World) -> None:
        """Fill it."""
        self.written = faults.fill_disk(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """The same process still serves."""
        node = world.node_by_id(incident.node_id)
        pid = node["pid"] if node else None
        return {
            "bytes_written": (self.written, self.written > 0),
            "same_pid": (pid == self.pid, pid == self.pid),
        }
