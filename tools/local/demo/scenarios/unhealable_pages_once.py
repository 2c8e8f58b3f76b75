"""The release that the group wants is itself broken: nothing can heal it, so a person is paged, once."""

from __future__ import annotations

import time

from nightshift import clock
from nightshift.aws.groups import Groups
from nightshift.fleet import Release
from nightshift.incident import Incident
from tools.local.apps.release import build
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World
from tools.local.fleet import faults
from tools.local.paths import home

NODE, GROUP, APP, BROKEN = "api-local-1", "api-local", "api", "1.0.1"
QUIET_SECONDS = 8.0


class UnhealablePagesOnce:
    """Every rung runs, none helps."""

    name, title = (
        "unhealable_pages_once",
        f"give {GROUP} a release that never becomes healthy, and break {NODE}",
    )
    patience_seconds = 120.0

    def begin(self, world: World) -> None:
        """Make a broken release the desired one, then damage the node that runs the good one."""
        node = world.node(NODE)
        self.node_id, self.at, self._quiet_since = node["id"], clock.now(), 0.0
        release = build(APP, BROKEN, home() / "tmp", broken=True)
        key = f"releases/{APP}/{BROKEN}.tar.gz"
        bucket = world.connection.output("ArtifactsBucket")
        world.connection.client("s3").put_object(Bucket=bucket, Key=key, Body=release.path.read_bytes())
        desired = Release(version=BROKEN, key=key, sha256=release.sha256)
        Groups(world.connection.output("GroupsTable")).desire(GROUP, desired)
        faults.break_release(node)

    def judge(self, world: World) -> Result | None:
        """Certain when the page is there and no second one came for a while."""
        incident = world.incident_of(self.node_id)
        if incident is None or not incident.closed_at:
            return None
        self._quiet_since = self._quiet_since or time.monotonic()
        if time.monotonic() - self._quiet_since < QUIET_SECONDS:
            return None
        return self._result(world, incident)

    def _result(self, world: World, incident: Incident) -> Result:
        pages = world.pager.about(incident.incident_id)
        by_channel = {
            channel: sum(page.channel == channel for page in pages) for channel in ("sns", "webhook")
        }
        tried = [level.remedy for level in incident.levels]
        told = all(remedy in page.text for page in pages for remedy in tried)
        passed = incident.state == "escalated" and by_channel == {"sns": 1, "webhook": 1} and told
        passed = passed and tried == ["restart_service", "rebuild_container", "replace_node"]
        seconds = (clock.parse(incident.closed_at or incident.opened_at) - self.at).total_seconds()
        evidence = {
            "incident": incident.incident_id,
            "node": NODE,
            "remedies": tried,
            "pages": by_channel,
            "page": pages[0].text if pages else "",
            "quiet_seconds_after": QUIET_SECONDS,
        }
        return Result(self.name, passed, incident.state, len(tried), round(seconds, 1), evidence)
