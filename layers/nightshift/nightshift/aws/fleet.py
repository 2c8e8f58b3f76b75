"""The nodes and groups tables: the inventory, the leases, the pause and the desired releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.errors import Conflict
from nightshift.incident import Attempt, Fared, GroupState, Lease, Node, Pause, Release, Storm
from nightshift.journal import Entry

EVERY_GROUP = "*"
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
        item = state.model_dump(mode="json", exclude_none=True, exclude={"drained"})  # a set is never empty
        try:
            tables.write(tables.put("group", self._table, item, unless="group"))
        except Conflict:
            return

    def pause(self) -> Pause | None:
        """The pause of everything, if there is one."""
        state = self.get(EVERY_GROUP)
        return state.paused if state else None

    def hold(self, pause: Pause | None, read: GroupState, entry: Entry) -> Write:
        """The write that stops all new effects, or allows them again; it loses if ``read`` is not the last.

        ``entry`` explains it, and is the new head of the pauses' chain.
        """
        setting = "SET pause_seq = :seq, pause_head = :head"
        arguments: dict[str, object] = {":seq": entry.seq, ":head": entry.hash, ":read": read.pause_head}
        if pause:
            arguments[":pause"] = pause.model_dump()
        return tables.update(
            "pause",
            self._table,
            {"group": EVERY_GROUP},
            f"{setting}, paused = :pause" if pause else f"{setting} REMOVE paused",
            arguments,
            condition="attribute_not_exists(pause_head) OR pause_head = :read",
        )

    def not_paused(self) -> Write:
        """The condition that nobody paused Nightshift, for the transaction that records an intent."""
        return tables.update(
            "pause", self._table, {"group": EVERY_GROUP}, "", {}, condition="attribute_not_exists(paused)"
        )

    def take_lease(
        self, group: GroupState, node_id: str, lease: Lease, attempts: Mapping[str, Attempt], now: str
    ) -> Write:
        """The write that takes or renews the lease of a node; it loses if somebody else holds it.

        Every taking moves the fence that was read: leases cannot have become more since they were
        counted. What has expired is reaped here, and ``attempts`` are the group's from now on.
        """
        expired = [one for one, held in group.leases.items() if held.expires_at <= now and one != node_id]
        names = {"#node": node_id} | {f"#old{number}": one for number, one in enumerate(expired)}
        reap = ", ".join(f"leases.#old{number}" for number in range(len(expired)))
        return tables.update(
            "lease",
            self._table,
            {"group": group.group},
            "SET leases.#node = :lease, fence = :fence, attempts = :attempts"
            + (f" REMOVE {reap}" if reap else ""),
            {
                ":lease": lease.model_dump(),
                ":fence": lease.fence,
                ":read": group.fence,
                ":now": now,
                ":me": lease.incident_id,
                ":attempts": {step: one.model_dump() for step, one in attempts.items()},
            },
            condition="fence = :read AND (attribute_not_exists(leases.#node)"
            " OR leases.#node.expires_at <= :now OR leases.#node.incident_id = :me)",
            names=names,
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

    def give_back(
        self,
        group: str,
        incident_id: str,
        *,
        node_id: str = "",
        subject: str = "",
        learned: tuple[Mapping[str, Fared], Mapping[str, Fared]] | None = None,
    ) -> Write:
        """The write that gives a node's lease back, strikes a subject off the group's ill ones, and learns.

        Each where it is asked for; ``learned`` is how remedies fared before and with this incident. It loses
        if the incident does not hold the lease, and if somebody else has learned meanwhile. Nothing waits for
        the node's successor any more: one that comes late is a node like any other.
        """
        removed = ["leases.#node", "replacements.#node"] if node_id else []
        removed += ["troubled.#subject"] if subject else []
        names = ({"#node": node_id} if node_id else {}) | ({"#subject": subject} if subject else {})
        told: dict[str, object] = {":me": incident_id} if node_id else {}
        conditions = ["leases.#node.incident_id = :me"] if node_id else []
        if learned:
            before, after = ({key: one.model_dump() for key, one in fared.items()} for fared in learned)
            told |= {":before": before, ":after": after}
            conditions.append("(attribute_not_exists(fared) OR fared = :before)")
        return tables.update(
            "lease" if node_id else "roll",
            self._table,
            {"group": group},
            ("SET fared = :after " if learned else "") + (f"REMOVE {', '.join(removed)}" if removed else ""),
            told,
            condition=" AND ".join(conditions),
            names=names,
        )

    def drain(self, group: str, node_id: str, holder: str) -> Write:
        """The write that a node gets no requests; it loses when ``holder`` does not hold its lease."""
        return tables.update(
            "traffic",
            self._table,
            {"group": group},
            "ADD drained :nodes",
            {":nodes": {node_id}, ":me": holder},
            condition="leases.#node.incident_id = :me",
            names={"#node": node_id},
        )

    def serve(self, group: str, nodes: Iterable[str], *, fence: int | None = None) -> Write:
        """The write that nodes get requests again, or are gone.

        Who holds no lease says which ``fence`` was read: it loses when anybody took one since.
        """
        told: dict[str, object] = {":nodes": set(nodes)} | ({} if fence is None else {":read": fence})
        return tables.update(
            "traffic",
            self._table,
            {"group": group},
            "DELETE drained :nodes",
            told,
            condition="" if fence is None else "fence = :read",
        )

    def reap(self, group: str, node_id: str, lease: Lease, *, replacement: bool) -> Write:
        """The write that ends a lease as it was read; it loses to any newer one, which has another fence.

        With ``replacement`` nothing waits for the node's successor any more either.
        """
        removed = ["leases.#node", *(["replacements.#node"] if replacement else [])]
        return tables.update(
            "lease",
            self._table,
            {"group": group},
            f"REMOVE {', '.join(removed)}",
            {":me": lease.incident_id, ":fence": lease.fence},
            condition="leases.#node.incident_id = :me AND leases.#node.fence = :fence",
            names={"#node": node_id},
        )

    def strike(self, group: str, subject: str, incident_id: str) -> Write:
        """The write that strikes a subject off the group's ill ones; it loses to another incident."""
        return tables.update(
            "roll",
            self._table,
            {"group": group},
            "REMOVE troubled.#subject",
            {":incident": incident_id},
            condition="troubled.#subject = :incident",
            names={"#subject": subject},
        )

    def enroll(self, group: str, subject: str, incident_id: str) -> Write:
        """The write that counts a subject among the group's ill ones, as long as its incident is open."""
        return tables.update(
            "roll",
            self._table,
            {"group": group},
            "SET troubled.#subject = :incident",
            {":incident": incident_id},
            condition="attribute_exists(#group)",
            names={"#group": "group", "#subject": subject},
        )

    def weather(self, group: str, before: Storm | None, after: Storm | None) -> Write:
        """The write by which a storm begins, calms, rages again or ends; it loses if it was changed."""
        told = {":before": before.model_dump(exclude_none=True)} if before else {}
        told |= {":after": after.model_dump(exclude_none=True)} if after else {}
        return tables.update(
            "storm",
            self._table,
            {"group": group},
            "SET storm = :after" if after else "REMOVE storm",
            told,
            condition="storm = :before" if before else "attribute_not_exists(storm)",
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
