"""The CPU is busy for a moment: the alarm speaks, and nothing is done."""

from __future__ import annotations

from nightshift import clock
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet import faults

SPIKE_SECONDS = 6.0
NODE = "api-local-2"


class SpikeIgnored:
    """A busy child that ends by itself."""

    name, title = "spike_ignored", f"a CPU spike of {SPIKE_SECONDS:.0f} s on {NODE}"
    patience_seconds = 60.0

    def begin(self, world: World) -> None:
        """Spin for a moment."""
        node = world.node(NODE)
        self.node_id, self.pid, self.at = node["id"], node["pid"], clock.now()
        faults.spin_cpu(node, seconds=SPIKE_SECONDS)

    def judge(self, world: World) -> Result | None:
        """Certain when the alarm's incident has ended: a demo without an alarm would prove nothing."""
        incident = world.incident_of(self.node_id)
        if incident is None or not incident.closed_at:
            return None
        node = world.node_by_id(self.node_id)
        same = node is not None and node["pid"] == self.pid
        pages = len(world.pager.about(incident.incident_id))
        passed = incident.state == "suppressed" and not incident.levels and same and not pages
        seconds = (clock.parse(incident.closed_at) - self.at).total_seconds()
        evidence = {
            "incident": incident.incident_id,
            "node": NODE,
            "reason": incident.reason,
            "remedies": [level.remedy for level in incident.levels],
            "same_pid": same,
            "pages": pages,
        }
        return Result(self.name, passed, incident.state, 0, round(seconds, 1), evidence)
