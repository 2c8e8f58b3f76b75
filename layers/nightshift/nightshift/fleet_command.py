"""One command on many nodes: who asked for what, how it stands, and a row for every node.

The words for how a node fared are those of Systems Manager Run Command, whichever way it was reached:
https://docs.aws.amazon.com/systems-manager/latest/userguide/monitor-commands.html
"""

from __future__ import annotations

import hashlib
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.events import Instant

MOST_NODES = 10_000
MOST_SECONDS = 600  # of one node: a slice of the machine must be able to wait for it
OUTPUT_LIMIT = 8_192  # bytes of each stream of a node that are kept; the end of a cut text says so
STDERR_MARK = "\n----------ERROR-------\n"  # between the streams in Run Command's own output

Status = Literal[
    "Pending",
    "InProgress",
    "Success",
    "Failed",
    "ExecutionTimedOut",
    "DeliveryTimedOut",
    "Undeliverable",
    "Terminated",
    "Cancelled",
]
State = Literal["InProgress", "Success", "Failed", "Cancelled"]
UNFINISHED: frozenset[Status] = frozenset({"Pending", "InProgress"})
#: What counts toward MaxErrors. A node that was never reached does not, as in Run Command.
ERRORS: frozenset[Status] = frozenset({"Failed", "ExecutionTimedOut"})


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Ssh(_Fact):
    """Where an SSH server is. ``via`` are bastions as ``host port``, the nearest to the node first."""

    host: str
    port: int = 22
    via: tuple[str, ...] = ()


class Target(_Fact):
    """A node that a command is for; ``ssh`` is None where an SSM agent answers."""

    node_id: str
    name: str
    group: str
    ssh: Ssh | None = None


class Row(Target):
    """How a command fared on one node. ``sent`` is Run Command's id of it; ``reason`` explains a failure.

    ``alert`` says that no repetition can mend it and a person must look: the code of the error.
    """

    command_id: str
    status: Status = "Pending"
    sent: str = ""
    began_at: Instant | None = None
    ended_at: Instant | None = None
    exit_status: int | None = None
    stdout: str = ""
    stderr: str = ""
    reason: str = ""
    alert: str = ""


class Order(_Fact):
    """What is run, and how carefully. ``argv`` is a program with its arguments, never a line for a shell.

    ``max_concurrency`` and ``max_errors`` are numbers of nodes; ``seconds`` is the limit on each node.
    ``sudo`` is for nodes that are reached by SSH: an SSM agent is root already.
    """

    argv: tuple[str, ...]
    sudo: bool = False
    seconds: int
    max_concurrency: int
    max_errors: int


class FleetCommand(Order):
    """The state of one command. ``version`` grows with what the journal explains; ``head`` is its last hash.

    ``counts`` are nodes by status, as of the last look. ``retry_of`` is the command whose failed and not
    started nodes this one is for.
    """

    command_id: str
    by: str
    why: str = ""
    selected: str
    nodes: int
    retry_of: str = ""
    state: State = "InProgress"
    reason: str = ""
    counts: dict[Status, int] = {}
    stop_requested: str = ""
    created_at: Instant
    closed_at: Instant | None = None
    version: int = 0
    seq: int = 0
    head: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state != "InProgress"


def command_id(cause: str, at: str) -> str:
    """The same cause (a request's id) of a day always names the same command."""
    return f"cmd-{at[:10].replace('-', '')}-{hashlib.sha256(cause.encode()).hexdigest()[:10]}"


def cut(text: str) -> str:
    """At most ``OUTPUT_LIMIT`` bytes of ``text``; the end of a cut text says so."""
    data = text.encode()
    if len(data) <= OUTPUT_LIMIT:
        return text
    return f"{data[:OUTPUT_LIMIT].decode(errors='ignore')}\n[cut: {OUTPUT_LIMIT} of {len(data)} bytes]"
