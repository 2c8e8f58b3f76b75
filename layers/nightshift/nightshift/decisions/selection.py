"""Which nodes a person means. Nothing that is named means no node at all, never every node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from nightshift.errors import Refused
from nightshift.fleet import Node
from nightshift.fleet_command import Target
from nightshift.policy import Policy


class Selector(BaseModel):
    """What a person named: each that is given must hold, and one of ``nodes`` if there are any.

    ``everything`` asks for every node, and must be said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    nodes: tuple[str, ...] = ()
    group: str = ""
    app: str = ""
    labels: dict[str, str] = {}
    everything: bool = False

    @property
    def words(self) -> str:
        """For people, as the command line has it."""
        named = [f"--node {one}" for one in self.nodes]
        named += [f"--{name} {value}" for name, value in (("group", self.group), ("app", self.app)) if value]
        named += [f"--label {name}={value}" for name, value in sorted(self.labels.items())]
        return " ".join(named or (["--all"] if self.everything else []))


@dataclass(frozen=True)
class _Candidate:
    target: Target
    labels: Mapping[str, str]


def select(selector: Selector, inventory: Iterable[Node], policy: Policy) -> tuple[Target, ...]:
    """The nodes in service that are meant, by group and name; nodes of the inventory and of ``policy.ssh``.

    Raises Refused ``selection.nothing_named``, ``selection.unknown_node`` (one that is not in service counts
    as unknown, and so does a name that several nodes have) and ``selection.empty``.
    """
    if not selector.words:
        raise Refused("selection.nothing_named", "name nodes, a group, an app or a label; or say all")
    candidates = [*_managed(inventory), *_by_ssh(policy)]
    found = [one.target for one in candidates if _is_meant(one, selector)]
    for name in selector.nodes:
        named = [one for one in candidates if name in (one.target.node_id, one.target.name)]
        if len(named) != 1:
            why = "is no node in service" if not named else f"is the name of {len(named)} nodes; use an id"
            raise Refused("selection.unknown_node", f"{name} {why}", node=name)
    if not found:
        raise Refused("selection.empty", f"no node in service is meant by {selector.words}")
    return tuple(sorted(found, key=lambda one: (one.group, one.name, one.node_id)))


def by_ssh(policy: Policy) -> Iterator[Target]:
    """The nodes that the policy lists as reached by SSH."""
    for name, node in policy.ssh.nodes.items():
        yield Target(node_id=name, name=name, group=node.group, ssh=policy.ssh.address(name))


def _managed(inventory: Iterable[Node]) -> Iterator[_Candidate]:
    for node in inventory:
        if node.state == "in_service":
            target = Target(node_id=node.node_id, name=node.name, group=node.group)
            labels = {"app": node.app, "group": node.group, "release": node.release, "transport": "ssm"}
            yield _Candidate(target, labels)


def _by_ssh(policy: Policy) -> Iterator[_Candidate]:
    for target in by_ssh(policy):
        own = policy.ssh.nodes[target.node_id].labels
        yield _Candidate(target, {**own, "group": target.group, "transport": "ssh"})


def _is_meant(one: _Candidate, selector: Selector) -> bool:
    wanted = dict(selector.labels)
    wanted |= {name: value for name, value in (("group", selector.group), ("app", selector.app)) if value}
    if selector.nodes and not {one.target.node_id, one.target.name} & set(selector.nodes):
        return False
    return all(one.labels.get(name) == value for name, value in wanted.items())
