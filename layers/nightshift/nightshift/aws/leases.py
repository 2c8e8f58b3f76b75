"""Who may act on which node: leases in their group's item, what follows from them, and how they end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.fleet import Attempt, Fared, GroupState, Lease


class Leases:
    """The part of ``Groups`` that is about single nodes, on the same table."""

    def __init__(self, table: str) -> None:
        self._table = table

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
        awaited: str = "",
        subject: str = "",
        learned: tuple[Mapping[str, Fared], Mapping[str, Fared]] | None = None,
    ) -> Write:
        """The write that gives a node's lease back, strikes a subject off the group's ill ones, and learns.

        Each where it is asked for; ``learned`` is how remedies fared before and with this incident. It loses
        if the incident does not hold the lease, and if somebody else has learned meanwhile. Nothing waits for
        the node's successor any more, nor for that of ``awaited``, a node whose lease is gone already: one
        that comes late is a node like any other.
        """
        removed = ["leases.#node", "replacements.#node"] if node_id else []
        removed += ["replacements.#awaited"] if awaited else []
        removed += ["troubled.#subject"] if subject else []
        places = {"#node": node_id, "#awaited": awaited, "#subject": subject}
        names = {place: name for place, name in places.items() if name}
        told: dict[str, object] = {":me": incident_id} if node_id else {}
        conditions = ["leases.#node.incident_id = :me"] if node_id else []
        if learned:
            before, after = ({key: one.model_dump() for key, one in fared.items()} for fared in learned)
            told |= {":before": before, ":after": after}
            conditions.append("(attribute_not_exists(fared) OR fared = :before)")
        return tables.update(
            "lease" if node_id or awaited else "roll",
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
