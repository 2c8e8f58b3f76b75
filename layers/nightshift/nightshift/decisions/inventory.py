"""Which nodes have left and which are new, by what AWS lists; a listing that lacks too much is not believed.

A node has left when Auto Scaling does not list it, EC2 does not list it alive, and its agent is not online.
EC2 saying that it is terminated is evidence. That nobody lists it is none: when more nodes than the policy
allows are missed at once in that way, the listing is taken for partial, and nothing is concluded from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.amounts import Amount, at_most
from nightshift.errors import Refused
from nightshift.fleet import Node
from nightshift.listing import Grouped, Host


@dataclass(frozen=True)
class Changes:
    """What the inventory lacks of one group: ids of nodes that left, and of instances that are new."""

    gone: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """One group: its Auto Scaling group, the records of its nodes, and what Auto Scaling lists (or not)."""

    group: str
    auto_scaling_group: str
    records: Collection[Node]
    grouped: Grouped | None

    @property
    def known(self) -> frozenset[str]:
        """The nodes that should be there: those that this Auto Scaling group gave, and did not take away."""
        return frozenset(
            node.node_id
            for node in self.records
            if node.state != "terminated" and node.auto_scaling_group == self.auto_scaling_group
        )

    @property
    def missing(self) -> frozenset[str]:
        """Nodes of the inventory that Auto Scaling does not list; all, when it lists no such group."""
        return self.known - (self.grouped.instances if self.grouped else frozenset())

    @property
    def unheard(self) -> frozenset[str]:
        """Instances in service that the inventory has never had."""
        return (self.grouped.serving if self.grouped else frozenset()) - {one.node_id for one in self.records}

    def changes(
        self,
        hosts: Mapping[str, Host],
        online: Collection[str],
        max_vanished: Amount,
        now: datetime,
        margin_seconds: int,
    ) -> Changes:
        """What follows for the inventory; ``hosts`` and ``online`` are about ``missing`` and ``unheard``.

        An instance launched less than ``margin_seconds`` ago is not new yet: its event may be on its way.
        Raises Refused ``inventory.partial`` with the numbers that were compared.
        """
        if self.grouped is None and self.known:
            raise Refused(
                "inventory.partial",
                f"{self.auto_scaling_group} is not listed, and"
                f" {len(self.known)} nodes of {self.group} are known",
            )
        gone = sorted(one for one in self.missing if not self._there(one, hosts, online))
        self._believe([one for one in gone if one not in hosts], max_vanished)
        begin = now - clock.seconds(margin_seconds)
        fresh = sorted(
            one
            for one in self.unheard
            if one in hosts and hosts[one].alive and hosts[one].launched_at <= begin
        )
        return Changes(tuple(gone), tuple(fresh))

    def _there(self, node_id: str, hosts: Mapping[str, Host], online: Collection[str]) -> bool:
        return node_id in online or (node_id in hosts and hosts[node_id].alive)

    def _believe(self, vanished: Collection[str], max_vanished: Amount) -> None:
        allowed = max(1, at_most(max_vanished, len(self.known)))
        if len(vanished) > allowed:
            raise Refused(
                "inventory.partial",
                f"{len(vanished)} of {len(self.known)} known nodes of {self.group} are listed nowhere at once"
                f"; more than {allowed} is taken for a partial listing",
            )
