"""The nodes and groups tables: the inventory, the leases, the pause and the desired releases."""

from __future__ import annotations

from collections.abc import Iterator

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.incident import Attempt, GroupState, Lease, Node, Pause, Release

EVERY_GROUP = "*"


class Nodes:
    """The inventory of managed machines."""

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self, node_id: str) -> Node | None:
        """The node, read consistently; None when the inventory does not know it."""
        item = tables.get(self._table, {"node_id": node_id})
        return Node.model_validate(item) if item else None

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


class Groups:
    """The groups: what they should run, who holds which node, and whether they are paused."""

    def __init__(self, table: str) -> None:
        self._table = table

    def get(self, group: str) -> GroupState | None:
        """The group, read consistently."""
        item = tables.get(self._table, {"group": group})
        return GroupState.model_validate(item) if item else None

    def ensure(self, group: str, app: str, auto_scaling_group: str) -> None:
        """Make sure that the group's item exists."""
        state = GroupState(group=group, app=app, auto_scaling_group=auto_scaling_group)
        item = state.model_dump(mode="json", exclude_none=True)
        try:
            tables.write(tables.put("group", self._table, item, unless="group"))
        except Conflict:
            return

    def pause(self) -> Pause | None:
        """The pause of everything, if there is one."""
        state = self.get(EVERY_GROUP)
        return state.paused if state else None

    def set_pause(self, pause: Pause | None) -> None:
        """Stop all new effects at once, or allow them again."""
        self.ensure(EVERY_GROUP, "", "")
        key = {"group": EVERY_GROUP}
        if pause:
            tables.write(
                tables.update(
                    "pause", self._table, key, "SET paused = :pause", {":pause": pause.model_dump()}
                )
            )
        else:
            tables.write(tables.update("pause", self._table, key, "REMOVE paused", {}))

    def not_paused(self) -> Write:
        """The condition that nobody paused Nightshift, for the transaction that records an intent."""
        return tables.update(
            "pause", self._table, {"group": EVERY_GROUP}, "", {}, condition="attribute_not_exists(paused)"
        )

    def take_lease(self, group: GroupState, node_id: str, lease: Lease, now: str) -> Write:
        """The write that takes or renews the lease of a node; it loses if somebody else holds it."""
        return tables.update(
            "lease",
            self._table,
            {"group": group.group},
            "SET leases.#node = :lease, fence = :fence",
            {
                ":lease": lease.model_dump(),
                ":fence": lease.fence,
                ":read": group.fence,
                ":now": now,
                ":me": lease.incident_id,
            },
            condition="fence = :read AND (attribute_not_exists(leases.#node)"
            " OR leases.#node.expires_at <= :now OR leases.#node.incident_id = :me)",
            names={"#node": node_id},
        )

    def holds_lease(
        self, group: str, node_id: str, *, incident_id: str, fence: int, now: str, successor: str = ""
    ) -> Write:
        """The condition that an incident still holds a node's lease, under its own fence.

        With ``successor`` it also remembers that this step waits for the node's successor.
        """
        arguments: dict[str, object] = {":me": incident_id, ":fence": fence, ":now": now}
        return tables.update(
            "lease",
            self._table,
            {"group": group},
            "SET replacements.#node = :step" if successor else "",
            arguments | ({":step": successor} if successor else {}),
            condition="leases.#node.incident_id = :me AND leases.#node.fence = :fence"
            " AND leases.#node.expires_at > :now",
            names={"#node": node_id},
        )

    def give_lease(self, group: str, node_id: str, incident_id: str) -> Write:
        """The write that gives a node's lease back; it loses if the incident does not hold it.

        Nothing waits for the node's successor any more: one that comes late is a node like any other.
        """
        return tables.update(
            "lease",
            self._table,
            {"group": group},
            "REMOVE leases.#node, replacements.#node",
            {":me": incident_id},
            condition="leases.#node.incident_id = :me",
            names={"#node": node_id},
        )

    def expect_no_replacement(self, group: str, node_id: str) -> None:
        """Forget that a step waits for the node's successor: the node stays."""
        names = {"#node": node_id}
        tables.write(
            tables.update(
                "replacement", self._table, {"group": group}, "REMOVE replacements.#node", {}, names=names
            )
        )

    def claim_replacement(self, group: str, old: str, new: str, step_id: str, lease: Lease) -> Write:
        """The write by which a fresh node becomes the successor that a step waits for, lease included."""
        return tables.update(
            "replacement",
            self._table,
            {"group": group},
            "SET leases.#new = :lease REMOVE replacements.#old, leases.#old",
            {":step": step_id, ":lease": lease.model_dump()},
            condition="replacements.#old = :step",
            names={"#old": old, "#new": new},
        )

    def desire(self, group: str, release: Release) -> None:
        """Set the release that every node of a group should run."""
        tables.write(
            tables.update(
                "release",
                self._table,
                {"group": group},
                "SET desired_release = :release",
                {":release": release.model_dump()},
                condition="attribute_exists(#group)",
                names={"#group": "group"},
            )
        )
