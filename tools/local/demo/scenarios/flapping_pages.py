"""A service dies again right after each heal: it is not healed for ever, a person is paged."""

from __future__ import annotations

from nightshift import clock
from nightshift.incident import Incident
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet import faults

NODE = "web-local-1"


class FlappingPages:
    """Killed, healed, killed again; it was healed once before, and the policy allows two heals."""

    name, title = "flapping_pages", f"kill the service of {NODE} again after each heal"
    patience_seconds = 120.0

    def begin(self, world: World) -> None:
        """Kill it for the first time."""
        node = world.node(NODE)
        self.node_id, self.at, self._kills = node["id"], clock.now(), 1
        faults.kill_service(node)

    def judge(self, world: World) -> Result | None:
        """After a heal kill it again; certain when an incident ends any other way."""
        incident = world.incident_of(self.node_id, "service_down")
        if incident is None or incident.opened_at < clock.iso(self.at) or not incident.closed_at:
            return None
        if incident.state == "healed":
            if not world.is_quiet(self.node_id, "service_down"):  # an alarm speaks only when it changes
                return None
            self.at, self._kills = clock.now(), self._kills + 1
            faults.kill_service(world.node(NODE))
            return None
        by_channel = self._pages(world, incident)
        if incident.state == "escalated" and 0 in by_channel.values():
            return None  # the page is on its way
        return self._result(incident, by_channel)

    def _pages(self, world: World, incident: Incident) -> dict[str, int]:
        pages = world.pager.about(incident.incident_id)
        return {channel: sum(page.channel == channel for page in pages) for channel in ("sns", "webhook")}

    def _result(self, incident: Incident, pages: dict[str, int]) -> Result:
        passed = (
            incident.state == "escalated"
            and "flapping" in incident.reason
            and not incident.levels
            and self._kills == 2  # noqa: PLR2004 - one heal in between
            and pages == {"sns": 1, "webhook": 1}
        )
        seconds = (clock.parse(incident.closed_at or incident.opened_at) - self.at).total_seconds()
        evidence = {
            "incident": incident.incident_id,
            "node": NODE,
            "kills": self._kills,
            "reason": incident.reason,
            "remedies": [level.remedy for level in incident.levels],
            "pages": pages,
        }
        return Result(self.name, passed, incident.state, 0, round(seconds, 1), evidence)
