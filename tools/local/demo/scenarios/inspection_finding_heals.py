"""A disk fills up below any alarm's threshold: inspection finds it, and it is cleaned."""

from __future__ import annotations

import time
import uuid

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing, Result
from tools.local.demo.world import World
from tools.local.fleet import faults

EVERY_SECONDS = 3.0  # a pass takes about as long; on AWS they are minutes apart


class InspectionFindingHeals(Healing):
    """No alarm speaks: two passes see the same, and verification looks for itself that it is gone."""

    name, title = "inspection_finding_heals", "fill the disk of api-local-2 to 78 %, below its alarm"
    node, symptom, remedy, level = "api-local-2", "disk_filling", "clean_disk", 1
    patience_seconds = 90.0
    passes, _next = 0, 0.0

    def fault(self, world: World) -> None:
        """Fill it."""
        self.written = faults.fill_disk(world.node(self.node), 78.0)

    def judge(self, world: World) -> Result | None:
        """Certain when the incident has ended; until it is opened pass follows pass."""
        if world.incident_of(self.node_id, self.symptom) is None and time.monotonic() >= self._next:
            self._next = time.monotonic() + EVERY_SECONDS
            self.passes += 1
            order = {"id": str(uuid.uuid4()), "by": "demo"}
            world.connection.ask("InspectFleetFunction", order, "look: nightshift inspect")
        return super().judge(world)

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """The signal came from the inspection, and the disk's alarm never spoke."""
        alarm = incident.symptoms[self.symptom].alarm
        quiet = world.is_quiet(incident.node_id, "disk_full")
        return {
            "bytes_written": (self.written, self.written > 0),
            "passes": (self.passes, True),
            "signal_from": (alarm, alarm.startswith("inspection-")),
            "alarm_quiet": (quiet, quiet),
        }
