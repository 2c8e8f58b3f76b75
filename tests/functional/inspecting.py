"""What a probe prints, and passes over the world's fleet by the real handlers."""

from __future__ import annotations

import json
from typing import Any

from nightshift.aws import artifacts, tables
from nightshift.fleet import Node
from tests.functional import staging
from tests.functional.probing import PROBE
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack

FOUND = staging.POLICY + "inspection: { checks: { disk_used: { symptom: disk_full } } }\n"

#: A symptom that nobody but inspection measures.
UNWATCHED = staging.POLICY.replace(
    "healing:\n",
    """  disk_filling:
    metric: { namespace: Nightshift/Fleet, name: disk_used, resolution_seconds: 1 }
    above: 90
    for_seconds: 5
    ladder: [clean_disk]
healing:
""",
    1,
).replace("stale_seconds: 20", "stale_seconds: 200") + (
    "inspection: { checks: { disk_used: { symptom: disk_filling } } }\n"
)

#: The same, with time between two looks of a verification.
SLOW = UNWATCHED.replace("settle_seconds: 4", "settle_seconds: 40").replace(
    "verify_timeout_seconds: 12", "verify_timeout_seconds: 400"
)


def printed(**changes: Any) -> str:
    """What a healthy node's probe prints, with changes."""
    line = {
        "v": 1, "at": "2026-11-23T03:00:00Z", "cpu": 3.5, "cores": 2, "uptime": 9000, "load": [0.1, 0.2, 0.3],
        "memory": {"total_kib": 4000000, "available_kib": 3000000},
        "facts": {"kernel": "6.1.0", "packages": "d910ee40b054"},
        "disks": [{"mount": "/", "size_kib": 1000, "used": 20.0, "inodes": 4.0}],
    }  # fmt: skip
    return json.dumps({**line, **changes})


def full(used: float = 97.0) -> str:
    """The line of a node whose disk is this full, in percent."""
    return printed(disks=[{"mount": "/", "size_kib": 1000, "used": used}])


def begin(world: World, **order: str) -> dict[str, Any]:
    """A person begins a pass."""
    return world.invoke("inspect_fleet", {"id": str(world.time and len(world.calls)), "by": "ada", **order})


def ended(command_id: str) -> dict[str, Any]:
    """Run Command's word that a probe has ended on all of its nodes."""
    event = sample("command/succeeded")
    event["detail"].update({"command-id": command_id, "document-name": PROBE, "status": "Success"})
    return event


def collect(world: World) -> None:
    """Every probe that was sent and not read yet ends."""
    for command_id in [one for one in world.ssm.probes.sent if one not in world.ssm.probes.listed]:
        world.invoke("collect_metrics", ended(command_id))


def report(world: World) -> dict[str, Any]:
    """The pass is whole: its report."""
    detail = world.events("InspectionCollected")[-1]
    event = {"source": "nightshift", "detail-type": "InspectionCollected", "detail": detail}
    key = world.invoke("report_inspection", event)["report"]
    made: dict[str, Any] = json.loads(artifacts.text(stack().ref("ArtifactsBucket"), key))
    return made


def whole(world: World) -> dict[str, Any]:
    """A whole pass."""
    begin(world)
    collect(world)
    return report(world)


def crowd(world: World, count: int) -> None:
    """A fleet of so many nodes in the inventory."""
    for number in range(count - len(world.instances())):
        made = Node(
            node_id=f"i-{number:017x}", name=f"web-{number}", app="web", group="web-prod",
            auto_scaling_group="web-prod", state="in_service", registered_at="2026-11-23T02:00:00.000Z",
        )  # fmt: skip
        tables.write(
            tables.put("node", stack().ref("NodesTable"), made.model_dump(mode="json", exclude_none=True))
        )


def hear(world: World, kind: str) -> dict[str, Any]:
    """What raise_signal makes of the findings that were last said."""
    event = {"source": "nightshift", "detail-type": kind, "detail": world.events(kind)[-1]}
    return world.invoke("raise_signal", event)
