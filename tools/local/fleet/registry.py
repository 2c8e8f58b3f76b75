"""The nodes that exist: their machines, their agents' signs of life, their mailboxes."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from .layout import NodeFacts
from .machine import Machine
from .processes import leader_in

ONLINE_SECONDS = 10.0


@dataclass
class Node:
    """One node.

    Attributes:
        state: `booting` → `in_service` → `stopping`; `dead` when its machine died.
        agent_pid: of the agent that said hello last.
        seen: epoch seconds of the agent's last sign of life, None before the first.
        sample: the newest probe sample.
        samples: those not yet published.
        mailbox: command ids that wait for the agent, newest last.
        mail: set when the mailbox or the cancellations changed.
    """

    facts: NodeFacts
    machine: Machine
    state: str = "booting"
    agent_pid: int | None = None
    host_key: str = ""
    seen: float | None = None
    registered: float | None = None
    sample: dict[str, Any] = field(default_factory=dict)
    samples: list[dict[str, Any]] = field(default_factory=list)
    mailbox: list[str] = field(default_factory=list)
    cancellations: list[str] = field(default_factory=list)
    mail: asyncio.Event = field(default_factory=asyncio.Event)
    hello: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> str:
        """The instance id."""
        return self.facts.id

    @property
    def tags(self) -> dict[str, str]:
        """Tags by which commands may target the node."""
        return {
            "Name": self.facts.name,
            "nightshift:app": self.facts.app,
            "nightshift:group": self.facts.group,
            "aws:autoscaling:groupName": self.facts.auto_scaling_group,
        }

    @property
    def online(self) -> bool:
        """Whether the agent was heard of lately."""
        return self.seen is not None and time.time() - self.seen < ONLINE_SECONDS

    @property
    def service_pid(self) -> int | None:
        """The running service, or None."""
        return leader_in(self.facts.service_pid_file)

    @property
    def release(self) -> str | None:
        """What `releases/current` names, or None."""
        try:
            return (self.facts.root / "releases" / "current").readlink().name
        except OSError:
            return None

    def greet(self, agent_pid: int, host_key: str) -> None:
        """Take note of a (re)started agent."""
        self.agent_pid, self.host_key = agent_pid, host_key
        self.registered = self.registered or time.time()
        self.touch()
        self.hello.set()

    def touch(self) -> None:
        """Take note of a sign of life."""
        self.seen = time.time()


class Registry:
    """All nodes by instance id."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.gone: set[str] = set()

    def add(self, node: Node) -> None:
        """Enter a node."""
        self.nodes[node.id] = node

    def remove(self, node_id: str) -> None:
        """Strike a node off."""
        self.nodes.pop(node_id, None)
        self.gone.add(node_id)

    def by_token(self, token: str) -> Node | None:
        """The node whose agent speaks with this token."""
        return next((node for node in self.nodes.values() if node.facts.token == token), None)

    def manageable(self) -> dict[str, Node]:
        """Nodes whose agent has registered and that are not going away: those SSM knows."""
        return {
            node.id: node
            for node in self.nodes.values()
            if node.registered is not None and node.state != "stopping"
        }

    def next_name(self, group: str) -> str:
        """`<group>-<n>` with the smallest n that no living node of the group has."""
        taken = {node.facts.name for node in self.nodes.values() if node.state != "stopping"}
        number = 1
        while f"{group}-{number}" in taken:
            number += 1
        return f"{group}-{number}"
