"""Which nodes a pass asks, which it only reports, and who must not hold up whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.fleet import Node
from nightshift.fleet_command import Target
from nightshift.passes import Member

# How long an agent that did not answer is left alone; then it is asked again, apart from the others.
OFFLINE_SECONDS = 900


@dataclass(frozen=True)
class RollCall:
    """``healthy`` and ``doubtful`` are asked, in batches of their own, and so are those ``by_ssh``.

    ``skipped`` are only reported.
    """

    healthy: tuple[Member, ...]
    doubtful: tuple[Member, ...]
    skipped: tuple[tuple[Member, str], ...]
    by_ssh: tuple[Member, ...] = ()


def call(nodes: Iterable[Node], plain: Iterable[Target], group: str, now: datetime) -> RollCall:
    """Sort the inventory and the nodes without an agent (or one ``group``), by group and name.

    A command ends when its last node has answered: one silent agent would hold the answers of 49 others.
    """
    healthy, doubtful, skipped = [], [], []
    again = clock.iso(now - clock.seconds(OFFLINE_SECONDS))
    for node in sorted(nodes, key=lambda one: (one.group, one.name, one.node_id)):
        if node.state == "terminated" or (group and node.group != group):
            continue
        member = Member(
            node_id=node.node_id,
            name=node.name,
            group=node.group,
            replaces=node.replaces,
            offline=node.offline_since is not None,
        )
        if node.state != "in_service":
            skipped.append((member, f"it is {node.state}, not in service yet"))
        elif node.offline_since is None:
            healthy.append(member)
        elif node.offline_since <= again:
            doubtful.append(member)
        else:
            reason = f"its agent did not answer at {node.offline_since}; asked again after"
            skipped.append((member, f"{reason} {OFFLINE_SECONDS} s"))
    wanted = sorted((one for one in plain if group in ("", one.group)), key=lambda one: (one.group, one.name))
    by_ssh = tuple(Member.model_validate(one.model_dump()) for one in wanted)
    return RollCall(tuple(healthy), tuple(doubtful), tuple(skipped), by_ssh)
