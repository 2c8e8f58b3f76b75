"""The nodes table: the inventory of managed machines, and what is remembered of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.fleet import Attempt, Node

HEALS = 20  # of one symptom on one node that are remembered


class Nodes:
    """The inventory of managed machines."""

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self, node_id: str) -> Node | None:
        """The node, read consistently; None when the inventory does not know it."""
        item = tables.get(self._table, {"node_id": node_id})
        return Node.model_validate(item) if item else None

    def several(self, node_ids: Iterable[str]) -> dict[str, Node]:
        """Those of some nodes that the inventory knows, by id."""
        found = tables.several(self._table, [{"node_id": one} for one in sorted(node_ids)])
        return {str(item["node_id"]): Node.model_validate(item) for item in found}

    def listing(self) -> Iterator[Node]:
        """Every node, for people and for sweeps."""
        for item in tables.pages("scan", TableName=self._table, ConsistentRead=True):
            yield Node.model_validate(item)

    def register(self, node: Node) -> bool:
        """Store a new node; False when it is known already."""
        try:
            tables.write(tables.put("node", self._table, node.model_dump(mode="json"), unless="node_id"))
        except Conflict:
            return False
        return True

    def change(self, node_id: str, **changes: object) -> Write:
        """The write that sets attributes of a known node."""
        names = {f"#{name}": name for name in changes}
        sets = ", ".join(f"#{name} = :{name}" for name in changes)
        return tables.update(
            "node",
            self._table,
            {"node_id": node_id},
            f"SET {sets}",
            {f":{name}": value for name, value in changes.items()},
            condition="attribute_exists(node_id)",
            names=names,
        )

    def attempt(self, node: Node, attempt: Attempt, begin: str) -> Write:
        """The write that adds an attempt and forgets those before ``begin``."""
        kept = [one.model_dump() for one in (*node.attempts, attempt) if one.at >= begin]
        return self.change(node.node_id, attempts=kept)

    def healed(self, node: Node, symptoms: Iterable[str], at: str) -> Write:
        """The write that remembers a heal of ``symptoms``, and the newest ones before it."""
        fresh = {name: [*node.healed.get(name, ()), at][-HEALS:] for name in symptoms}
        return self.change(
            node.node_id, healed={name: list(heals) for name, heals in node.healed.items()} | fresh
        )
