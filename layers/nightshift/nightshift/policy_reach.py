"""The policy about machines that are reached by SSH, and about commands that people run on many nodes."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nightshift.amounts import Amount, Name
from nightshift.fleet_command import MOST_NODES, MOST_SECONDS, Ssh
from nightshift.policy_terms import limit

# As known_hosts names it: a name or an address, never a pattern and nothing that a shell reads.
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")]
# What SSM takes as MaxConcurrency and as MaxErrors: a number of nodes, or a share of them.
Concurrency = Annotated[int, Field(ge=1, le=MOST_NODES)] | Annotated[str, Field(pattern=r"^([1-9]\d?|100)%$")]
Errors = Amount
Label = Annotated[str, Field(max_length=100, description="The label's value")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SshServer(_Part):
    """An SSH server. Its host key must stand in known_hosts, under ``host``."""

    host: Host = Field(description="Its name or address, as known_hosts has it")
    port: int = Field(22, ge=1, le=65_535, description="Where its sshd listens")
    via: Name | None = Field(None, description="A bastion of `ssh.bastions` that it is reached through")


class SshNode(SshServer):
    """A machine without an SSM agent. It is inspected and commanded, and never healed or deployed to."""

    group: Name = Field(description="What it is selected and reported by; no group of `groups`")
    labels: dict[Name, Label] = Field({}, description="What else it is selected by")


class SshFleet(_Part):
    """Machines that are reached by SSH, as the user and with the key of the secret `<stack>/ssh`."""

    nodes: dict[Name, SshNode] = {}
    bastions: dict[Name, SshServer] = {}

    @model_validator(mode="after")
    def _bastions_are_known(self) -> Self:
        for name, server in (*self.nodes.items(), *self.bastions.items()):
            if server.via is not None and server.via not in self.bastions:
                raise ValueError(f"{name} is reached via {server.via}, which is not listed in ssh.bastions")
        for name in self.bastions:
            self._path(name)
        return self

    def _path(self, name: str) -> list[str]:
        path, via = [], name
        while via:
            if via in path:
                raise ValueError(f"the bastion {name} is reached through itself")
            path.append(via)
            via = self.bastions[via].via or ""
        return path

    def address(self, name: str) -> Ssh:
        """Where a node is, with the bastions before it, the nearest first."""
        node = self.nodes[name]
        path = self._path(node.via) if node.via else []
        hops = tuple(f"{self.bastions[one].host} {self.bastions[one].port}" for one in path)
        return Ssh(host=node.host, port=node.port, via=hops)


class RunCommands(_Part):
    """``nightshift run``: what people may run on many nodes at once. Off unless it is allowed here."""

    allowed: bool = Field(
        default=False,
        description="Whether people may run commands of their own on nodes",
        json_schema_extra=limit("more", "people may run commands of their own: {}"),
    )
    max_nodes: int = Field(
        100,
        ge=1,
        le=MOST_NODES,
        description="A command for more nodes than this is refused",
        json_schema_extra=limit("greater", "a command may be for {} nodes"),
    )
    max_concurrency: Concurrency = Field(
        50,
        description="Nodes at the same time, a number or a share; the most that a person gets",
        json_schema_extra=limit("greater", "a command runs on {} nodes at once"),
    )
    max_errors: Errors = Field(
        0,
        description="Nodes that may fail, unless the person says otherwise; one more and no other begins",
        json_schema_extra=limit("greater", "{} nodes may fail before a command stops"),
    )
    max_seconds: int = Field(
        300,
        ge=1,
        le=MOST_SECONDS,
        description="The longest that a command may take on a node, in seconds",
        json_schema_extra=limit("greater", "a command may take {} s on a node"),
    )
