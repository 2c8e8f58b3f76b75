"""Half of a group fails at once: one page for all, healing is held, and goes on when the storm is over."""

from __future__ import annotations

import os
import signal

from nightshift import clock
from nightshift.events import of_group
from nightshift.incident import Incident
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet import faults

GROUP, FIRST, SECOND = "web-local", "web-local-1", "web-local-2"


class StormGuard:
    """Two of three services hang; a person brings one back, and Nightshift heals the other."""

    name, title = "storm_guard", f"{FIRST} and {SECOND} hang at once: a storm in a group of three"
    patience_seconds = 120.0

    def begin(self, world: World) -> None:
        """SIGSTOP both."""
        nodes = [world.node(name) for name in (FIRST, SECOND)]
        self.ids, self.at, self._released = [node["id"] for node in nodes], clock.now(), ""
        self.pids = [faults.hang_service(node) for node in nodes]

    def judge(self, world: World) -> Result | None:
        """Once the storm is told, bring the first back; certain when every incident has ended."""
        storm = world.incident_of(of_group(GROUP))
        members = [world.incident_of(node_id, "service_down") for node_id in self.ids]
        if storm is None or not storm.closed_at or None in members:
            return None
        both = [one for one in members if one]
        if not self._released:
            if world.pager.about(storm.incident_id) and all(one.storm for one in both):
                self._held = [len(one.levels) for one in both]
                self._released = clock.iso(clock.now())
                os.killpg(self.pids[0], signal.SIGCONT)
            return None
        if storm.state != "resolved" or any(
            one.opened_at < clock.iso(self.at) or not one.closed_at for one in both
        ):
            return None
        return self._result(world, storm, both)

    def _result(self, world: World, storm: Incident, members: list[Incident]) -> Result:
        first, second = members
        pages = {
            channel: sum(page.channel == channel for page in world.pager.about(storm.incident_id))
            for channel in ("sns", "webhook")
        }
        others = sum(len(world.pager.about(one.incident_id)) for one in members)
        after = bool(second.current and second.current.started_at > self._released)
        right = (
            (first.state, second.state) == ("suppressed", "healed")
            and self._held == [0, 0]
            and after
            and pages == {"sns": 1, "webhook": 1}
            and not others
            and world.answers(self.ids[0])
            and world.answers(self.ids[1])
        )
        seconds = (clock.parse(second.closed_at or second.opened_at) - self.at).total_seconds()
        evidence = {
            "storm": storm.incident_id,
            "reason": storm.reason,
            "incidents": [one.incident_id for one in members],
            "remedies_while_it_raged": self._held,
            "outcomes": [first.state, second.state],
            "healed_after_the_storm": after,
            "pages": pages,
            "other_pages": others,
        }
        level = second.current.level if second.current else 0
        return Result(self.name, right, second.state, level, round(seconds, 1), evidence)
