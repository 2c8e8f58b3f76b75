"""A node is wrecked beyond its release: its group replaces it, level 3."""

from __future__ import annotations

from nightshift.incident import Incident
from tools.local.demo.scenarios import Healing
from tools.local.demo.world import World
from tools.local.fleet import faults


class ReplaceNode(Healing):
    """The machine's own service definition is wrong."""

    name, title = (
        "replace_node",
        "wreck the service definition of web-local-3, beyond what its release can mend",
    )
    node, remedy, level = "web-local-3", "replace_node", 3
    patience_seconds = 90.0

    def fault(self, world: World) -> None:
        """Make the supervisor run something that fails."""
        faults.wreck_service_definition(world.node(self.node))

    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """Another machine serves in its place, and the old one is gone."""
        fresh = world.node_by_id(incident.node_id)
        gone = world.node_by_id(self.node_id) is None
        return {
            "old_node_gone": (gone, gone),
            "new_node": (incident.node_id, fresh is not None and incident.node_id != self.node_id),
        }
