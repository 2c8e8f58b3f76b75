"""A replacement waits for a person: the page asks, its link shows the question, and one answer counts."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
import urllib.request

from nightshift import clock
from nightshift.incident import Incident
from tools.local.demo import policy
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet import faults

NODE = "web-local-3"
_LINK = re.compile(r"Or here, once: (\S+)")


class ApprovalRequired:
    """The policy asks before anything of high risk; the demo's person opens the link and approves."""

    name, title = "approval_required", f"wreck {NODE}, while a replacement needs a person's word"
    patience_seconds = 120.0

    def begin(self, world: World) -> None:
        """Ask for approvals from now on, then make level 3 necessary."""
        policy.adopt(world.connection, world.pager.url, approval_for=["high"])
        node = world.node(NODE)
        self.node_id, self.at = node["id"], clock.now()
        self._waiting: dict[str, object] = {}
        faults.wreck_service_definition(node)

    def judge(self, world: World) -> Result | None:
        """Once the question is there, look at what waits, then answer; certain when the incident is over."""
        incident = world.incident_of(self.node_id, "service_down")
        if incident is None:
            return None
        if not self._waiting:
            link = _link(world, incident)
            if link and incident.approval and not incident.approval.decision:
                self._waiting = self._answer(world, incident, link)
            return None
        if incident.state == "open" or not incident.closed_at:
            return None
        policy.adopt(world.connection, world.pager.url)
        return self._result(world, incident)

    def _answer(self, world: World, incident: Incident, link: str) -> dict[str, object]:
        shown, page = _visit(link)
        untouched = world.node_by_id(self.node_id) is not None
        held = world.holders("web-local")
        person = {"by": "the demo's person", "why": "it is only a demo"}
        approved, _ = _visit(link, {**person, "decision": "approve"})
        again, _ = _visit(link, {"by": "somebody else", "decision": "deny"})
        return {
            "link_shows_the_question": shown == 200 and "replace_node" in page,  # noqa: PLR2004 - HTTP's OK
            "untouched_while_it_waits": untouched,
            "lease_given_back": incident.incident_id not in held,
            "answers": [approved, again],
        }

    def _result(self, world: World, incident: Incident) -> Result:
        fresh = world.node_by_id(incident.node_id)
        level = incident.current.level if incident.current else 0
        evidence = {
            "incident": incident.incident_id,
            "node": NODE,
            **self._waiting,
            "remedies": [one.remedy for one in incident.levels],
            "new_node": incident.node_id,
            "serves": world.answers(incident.node_id),
        }
        passed = (
            incident.state == "healed"
            and level == 3  # noqa: PLR2004 - the ladder's third
            and self._waiting
            == {
                "link_shows_the_question": True,
                "untouched_while_it_waits": True,
                "lease_given_back": True,
                "answers": [200, 409],
            }
            and fresh is not None
            and incident.node_id != self.node_id
            and world.answers(incident.node_id)
        )
        seconds = (clock.parse(incident.closed_at or incident.opened_at) - self.at).total_seconds()
        return Result(self.name, passed, incident.state, level, round(seconds, 1), evidence)


def _link(world: World, incident: Incident) -> str:
    """The link in the page that asks, once it was delivered."""
    texts = [page.text for page in world.pager.pages if incident.incident_id in page.text]
    return next((found[1] for text in texts if (found := _LINK.search(text))), "")


def _visit(link: str, answer: dict[str, str] | None = None) -> tuple[int, str]:
    """Open the link, or send its form: the status and the page."""
    data = urllib.parse.urlencode(answer).encode() if answer else None
    try:
        with urllib.request.urlopen(link, data=data, timeout=15) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()
