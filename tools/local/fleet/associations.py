"""State Manager: a document that every node with some tag runs, also the one that comes later."""

import logging
import uuid
from dataclasses import dataclass, field
from typing import Any

from .commands import Commands
from .errors import SsmError
from .registry import Node
from .targets import has_tag

LOG = logging.getLogger(__name__)


@dataclass
class Association:
    """What was asked for; ``done`` are the nodes that it was sent to."""

    request: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    done: set[str] = field(default_factory=set)

    def concerns(self, node: Node) -> bool:
        """Whether its targets name the node: by all of their tags, as Run Command's do."""
        targets = self.request.get("Targets") or []
        return bool(targets) and all(has_tag(node, target) for target in targets)


class Associations:
    """All associations by id. Schedules are not kept: a node runs the document once, as it registers."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands
        self._all: dict[str, Association] = {}

    def create(self, request: dict[str, Any], nodes: list[Node]) -> Association:
        """Remember a CreateAssociation request, and send its document to the nodes that are there.

        Raises:
            SsmError: as Run Command refuses the document or its parameters.
        """
        self._commands.check(str(request.get("Name", "")), request.get("Parameters") or {})
        made = Association(request)
        self._all[made.id] = made
        for node in nodes:
            self._send(made, node)
        return made

    def delete(self, association_id: str) -> None:
        """Forget an association; what it did on nodes stays.

        Raises:
            SsmError: AssociationDoesNotExist.
        """
        if self._all.pop(association_id, None) is None:
            raise SsmError("AssociationDoesNotExist", f"there is no association {association_id}")

    def welcome(self, node: Node) -> None:
        """Send a node that registered what it has not had yet."""
        for one in self._all.values():
            self._send(one, node)

    def _send(self, one: Association, node: Node) -> None:
        if node.id in one.done or not one.concerns(node):
            return
        one.done.add(node.id)
        parameters = one.request.get("Parameters") or {}
        try:
            self._commands.send(
                {"DocumentName": one.request["Name"], "InstanceIds": [node.id], "Parameters": parameters}
            )
        except SsmError as error:  # the document went away meanwhile: a node registers all the same
            LOG.warning("%s: %s was not sent: %s", node.facts.name, one.request["Name"], error)
