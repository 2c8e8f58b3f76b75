"""Whose turn a group is: the one deployment that may touch it, and the leases that it holds there.

All of it stands in the group's one item, so that each change is one conditional write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nightshift.aws import tables
from nightshift.aws.tables import Write
from nightshift.fleet import Deployed, GroupState, Lease, Release


class Turns:
    """Beside ``Groups``, on the same table."""

    def __init__(self, table: str) -> None:
        self._table = table

    def take(self, group: str, deployment_id: str) -> Write:
        """The write that makes it a deployment's turn; it loses while it is another's."""
        return tables.update(
            "turn",
            self._table,
            {"group": group},
            "SET deploying = :me",
            {":me": deployment_id, ":nobody": ""},
            condition="attribute_exists(#group) AND"
            " (attribute_not_exists(deploying) OR deploying = :nobody OR deploying = :me)",
            names={"#group": "group"},
        )

    def hold(
        self, group: GroupState, nodes: Sequence[str], lease: Lease, now: str, *, drained: bool = False
    ) -> Write:
        """The write that leases every one of ``nodes``, or none; it loses when anybody else holds one.

        With ``drained`` they get no requests from now on, until somebody gives them some again.
        """
        names = {f"#n{number}": node for number, node in enumerate(nodes)}
        free = " AND ".join(
            f"(attribute_not_exists(leases.{name}) OR leases.{name}.expires_at <= :now"
            f" OR leases.{name}.incident_id = :me)"
            for name in names
        )
        taken = ", ".join(f"leases.{name} = :lease" for name in names)
        arguments: dict[str, object] = {
            ":lease": lease.model_dump(),
            ":fence": lease.fence,
            ":read": group.fence,
            ":now": now,
            ":me": lease.incident_id,
        }
        return tables.update(
            "lease",
            self._table,
            {"group": group.group},
            f"SET fence = :fence, {taken}" + (" ADD drained :nodes" if drained else ""),
            arguments | ({":nodes": set(nodes)} if drained else {}),
            condition=f"deploying = :me AND fence = :read AND {free}",
            names=names,
        )

    def end(
        self,
        group: GroupState,
        deployment_id: str,
        *,
        desired: Release | None,
        deployed: Deployed | None,
        heir: Mapping[str, Lease],
    ) -> Write:
        """The write that ends a deployment's turn: its leases are given back, or go to ``heir`` by node.

        With ``desired`` that is what every node of the group should run from now on. ``deployed`` is what is
        suspected first when nodes fall ill from now on; what they do not run any more is not.
        """
        held = [node for node, lease in group.leases.items() if lease.incident_id == deployment_id]
        names = {f"#n{number}": node for number, node in enumerate(sorted({*held, *heir}))}
        successor = next((lease.incident_id for lease in heir.values()), "")
        sets = ["deploying = :heir"]
        told: dict[str, object] = {":heir": successor, ":me": deployment_id}
        for name, node in names.items():
            if node in heir:
                sets.append(f"leases.{name} = :{name[1:]}")
                told[f":{name[1:]}"] = heir[node].model_dump()
        if desired:
            sets.append("desired_release = :release")
            told[":release"] = desired.model_dump()
        if deployed:
            sets.append("deployed = :deployed")
            told[":deployed"] = deployed.model_dump()
        freed = [f"leases.{name}" for name, node in names.items() if node not in heir]
        suspect = None if deployed else group.deployed
        gone = suspect and desired and desired.version != suspect.version
        if suspect and (gone or suspect.rolled_back_by == deployment_id):
            freed.append("deployed")
        expression = f"SET {', '.join(sets)}" + (f" REMOVE {', '.join(freed)}" if freed else "")
        return tables.update(
            "turn",
            self._table,
            {"group": group.group},
            expression,
            told,
            condition="deploying = :me",
            names=names or None,
        )

    def blame(self, group: str, deployed: Deployed, rolled_back_by: str) -> Write:
        """The write by which a release is found guilty; it loses when it was before, or another one came."""
        return tables.update(
            "release",
            self._table,
            {"group": group},
            "SET deployed.rolled_back_by = :undo",
            {":undo": rolled_back_by, ":guilty": deployed.deployment_id, ":nobody": ""},
            condition="deployed.deployment_id = :guilty AND deployed.rolled_back_by = :nobody",
        )

    def suspect_no_more(self, group: str, rolled_back_by: str) -> Write:
        """The write that ends a suspicion whose rollback ended without its turn; nodes are healed again."""
        return tables.update(
            "release",
            self._table,
            {"group": group},
            "REMOVE deployed",
            {":undo": rolled_back_by},
            condition="deployed.rolled_back_by = :undo",
        )
