"""A command and its invocations: what is known of them, without any acting."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .documents import Document
from .parameters import Values

TERMINAL = frozenset({"Success", "Failed", "TimedOut", "Cancelled"})
# What a node may overrun its steps' timeouts before the server stops believing in it.
GRACE_SECONDS = 15.0


@dataclass
class Plugin:
    """One step as it ran. Times are epoch seconds."""

    name: str
    status: str = "Pending"
    code: int = -1
    stdout: str = ""
    stderr: str = ""
    started: float | None = None
    ended: float | None = None


@dataclass
class Invocation:
    """A command on one node.

    Attributes:
        queued: whether it lies in the node's mailbox (or was taken from it).
        started: epoch seconds, once the agent has begun.
    """

    node_id: str
    node_name: str
    plugins: list[Plugin]
    status: str = "Pending"
    details: str = "Pending"
    queued: bool = False
    started: float | None = None
    ended: float | None = None

    @property
    def over(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in TERMINAL

    def set(self, status: str, details: str | None = None) -> None:
        """Change the status; details default to it."""
        self.status, self.details = status, details or status
        if self.over:
            self.ended = time.time()

    def take_report(self, plugins: list[Mapping[str, Any]]) -> None:
        """Take over what the agent says of the steps."""
        for plugin, report in zip(self.plugins, plugins, strict=False):
            plugin.status = str(report["status"])
            plugin.code = int(report["code"])
            plugin.stdout, plugin.stderr = str(report["stdout"]), str(report["stderr"])
            plugin.started, plugin.ended = report["started"], report["ended"]


@dataclass
class Command:
    """One SendCommand.

    Attributes:
        work: the steps that agents get.
        delivery_seconds: how long an invocation may wait for its agent (TimeoutSeconds).
        max_concurrency, max_errors: absolute numbers, percents resolved.
        request: the accepted request, for what is only told back (Comment, Targets…).
    """

    document: Document
    values: Values
    work: list[dict[str, Any]]
    invocations: dict[str, Invocation]
    delivery_seconds: float
    max_concurrency: int
    max_errors: int
    request: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested: float = field(default_factory=time.time)
    status: str = "Pending"
    details: str = "Pending"
    cancelling: bool = False

    @property
    def over(self) -> bool:
        """Whether the status will not change any more."""
        return self.status in TERMINAL

    @property
    def execution_seconds(self) -> float:
        """The longest that all steps may take on a node."""
        return sum(float(step["timeout"]) for step in self.work)

    @property
    def expires(self) -> float:
        """Epoch seconds after which nothing of this command may still run."""
        return self.requested + self.delivery_seconds + self.execution_seconds

    def count(self, *statuses: str) -> int:
        """How many invocations have one of these statuses."""
        return sum(invocation.status in statuses for invocation in self.invocations.values())

    @property
    def errors(self) -> int:
        """Invocations that count against max_errors."""
        return self.count("Failed", "TimedOut")

    def summary(self) -> tuple[str, str]:
        """Status and details of the whole command, from its invocations."""
        invocations = list(self.invocations.values())
        if not all(invocation.over for invocation in invocations):
            begun = any(one.status != "Pending" for one in invocations)
            status = "Cancelling" if self.cancelling else "InProgress" if begun else "Pending"
            return status, status
        if self.cancelling:
            return "Cancelled", "Cancelled"
        if not self.errors:
            return "Success", "Success" if invocations else "NoInstancesInTag"
        late = [one.details for one in invocations if one.status == "TimedOut"]
        if len(late) == self.errors:
            return "TimedOut", late[0]
        return "Failed", "Failed" if self.errors > self.max_errors else "Incomplete"
