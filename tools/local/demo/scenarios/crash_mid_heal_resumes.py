"""The worker dies between the effect and its record: the retry finds the step, and nothing is done twice."""

from __future__ import annotations

from pathlib import Path

from nightshift.incident import Incident
from tools.local.cloud import crashes
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults
from tools.local.paths import home

FUNCTION = "nightshift-apply_remedy"


class CrashMidHealResumes(Healing):
    """SIGKILL of the function's process, after the restart was sent and before that was written down."""

    name = "crash_mid_heal_resumes"
    title = "kill the service of api-local-3, and then the worker that has just sent its restart"
    node, remedy, level = "api-local-3", "restart_service", 1

    def fault(self, world: World) -> None:
        """Order the crash, then kill the service."""
        crashes.order(home(), FUNCTION, "SendCommand", self.node_id)
        faults.kill_service(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """The crash struck, the command was sent again, and the node did the step once."""
        sent = world.commands_of(incident.incident_id)
        done = _records(Path(str(world.node(self.node)["machine_dir"])), incident.incident_id)
        struck = not (home() / "run" / "crash.json").exists()
        return {
            "worker_killed": (struck, struck),
            "commands_sent": (sent, sent == 2),  # noqa: PLR2004 - the first, and the retry after the crash
            "effects_on_the_node": (done, done == 1),
            **self.restarted(world, incident),
        }


def _records(machine: Path, incident_id: str) -> int:
    """The steps of the incident that the node itself remembers."""
    return len(list((machine / "state" / "steps").glob(f"{incident_id}-*")))
