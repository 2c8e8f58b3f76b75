"""The operator's policy: what to watch, what to do about it, in which order, and how carefully.

A policy is written as YAML (``nightshift.yaml``), read and validated by ``adopt_policy`` alone, and
read-only to everything else. Every limit has a safe default. All times are whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    ValidationError,
    field_validator,
    model_validator,
)

from nightshift import policy_secrets, targets, traffic
from nightshift.amounts import Amount, Name
from nightshift.errors import Refused
from nightshift.policy_apps import App, Install
from nightshift.policy_checks import objections
from nightshift.policy_healing import Healing
from nightshift.policy_inspection import Inspection
from nightshift.policy_layers import Layers
from nightshift.policy_notify import Notify
from nightshift.policy_reach import RunCommands, SshFleet
from nightshift.policy_source import Problem
from nightshift.policy_symptoms import Symptom
from nightshift.policy_terms import limit
from nightshift.windows import Window

# The documents' own allowedPattern of Service: what a policy lets pass, a node must take.
Service = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _kinds(schema: dict[str, Any]) -> None:
    """What editors know of a switch: every kind there is, with the addresses that it takes."""
    for name in traffic.names():
        kind = traffic.load(name)
        told = {"type": "string", "pattern": kind.ADDRESS, "description": (kind.__doc__ or "").split("\n")[0]}
        schema.setdefault("properties", {})[name] = told
    schema.update(additionalProperties=False, minProperties=1, maxProperties=1)


class Switch(RootModel[dict[str, str]]):
    """What stands before a group: its kind, a file in ``traffic``, and its address."""

    model_config = ConfigDict(frozen=True, json_schema_extra=_kinds)

    @model_validator(mode="after")
    def _known(self) -> Switch:
        if len(self.root) != 1 or self.kind not in traffic.names():
            raise ValueError(f"exactly one of {', '.join(traffic.names())} is needed, with its address")
        if not re.fullmatch(traffic.load(self.kind).ADDRESS, self.address):
            raise ValueError(f"{self.address!r} is no address of a {self.kind}")
        return self

    @property
    def kind(self) -> str:
        """Which of the switches."""
        return next(iter(self.root))

    @property
    def address(self) -> str:
        """Which one of its kind."""
        return self.root[self.kind]


class Group(_Part):
    """The nodes of one app in one environment."""

    app: Name = Field(description="The app that runs on its nodes")
    service: Service = Field(description="The unit that systemd or supervisor runs on the node")
    auto_scaling_group: str = Field(
        min_length=1, max_length=255, description="The Auto Scaling group that its nodes belong to"
    )
    target: Name = Field("nodes", description="What releases are brought to: a file in `targets`")
    traffic: Switch | None = Field(
        None, description="Left out: nothing is drained", json_schema_extra=limit("fewer")
    )
    healing: dict[str, Any] = Field({}, description="What this group wants other than the policy's `healing`")

    @field_validator("target")
    @classmethod
    def _known(cls, target: str) -> str:
        if target not in targets.names():
            raise ValueError(f"there is no target {target}; there are {', '.join(targets.names())}")
        return target


class Inventory(_Part):
    """What is believed of a listing of the fleet."""

    max_vanished: Amount = Field(
        "30%",
        description="More known nodes of a group (and at least 2) listed nowhere at once are not believed",
        json_schema_extra=limit("greater", "a listing that lacks {} of a group's nodes is believed"),
    )


class Policy(_Part):
    """The whole policy."""

    version: Literal[1] = Field(description="The version of this format")
    groups: dict[Name, Group] = Field(min_length=1, description="By the name that events and pages use")
    symptoms: dict[Name, Symptom] = Field(min_length=1, description="By the name that incidents carry")
    apps: dict[Name, App] = Field({}, description="What a push deploys, by name")
    healing: Healing = Healing()
    inspection: Inspection = Inspection()
    notify: Notify = Notify()
    maintenance: tuple[Window, ...] = Field(
        (),
        description="Times in which no node of the named groups is touched",
        json_schema_extra=limit("fewer"),
    )
    inventory: Inventory = Inventory()
    ssh: SshFleet = SshFleet()
    run: RunCommands = RunCommands()

    def healing_of(self, group: str) -> Healing:
        """How carefully to heal in a group: the policy's limits, with what the group wants otherwise."""
        own = self.groups[group].healing if group in self.groups else {}
        return Healing.model_validate({**self.healing.model_dump(), **own})

    def symptoms_of(self, names: Iterable[str]) -> dict[str, Symptom]:
        """Those of some symptoms that the policy knows, by name; an incident may outlive one."""
        return {name: self.symptoms[name] for name in names if name in self.symptoms}

    def install_of(self, group: str) -> Install:
        """How releases are put onto the nodes of a group; an app that is never deployed has the defaults."""
        app = self.apps.get(self.groups[group].app)
        return app.install if app else Install()

    def group_of(self, auto_scaling_group: str) -> str | None:
        """The name of the group that an Auto Scaling group belongs to, if the policy knows it."""
        return next(
            (name for name, group in self.groups.items() if group.auto_scaling_group == auto_scaling_group),
            None,
        )

    def symptom_of(self, namespace: str, metric: str) -> str | None:
        """The name of the symptom that is read from a metric, if any."""
        wanted = (namespace, metric)
        return next(
            (
                name
                for name, symptom in self.symptoms.items()
                if (symptom.metric.namespace, symptom.metric.name) == wanted
            ),
            None,
        )


def check(text: str | Layers, remedies: frozenset[str]) -> tuple[Policy | None, list[Problem]]:
    """Read a policy written as YAML: the policy if it is sound, else all that is wrong, in the text's order.

    ``remedies`` are the names that a ladder may use. Several texts are read as ``Layers``.
    """
    source = text if isinstance(text, Layers) else Layers.of(text)
    policy, problems = None, list(source.problems)
    if not isinstance(source.value, dict) or any(one.code == "policy.unreadable" for one in problems):
        return None, problems
    secrets = policy_secrets.literal(source.value)
    problems += [source.problem(place, reason, policy_secrets.CODE) for place, reason in secrets]
    try:
        policy = Policy.model_validate(source.value)
    except ValidationError as error:
        for part in error.errors():
            reason = part["msg"].removeprefix("Value error, ")
            problems.append(source.problem(part["loc"], reason, "policy.invalid", part["type"]))
    else:
        found = objections(policy, remedies)
        problems += [source.problem(one.place, one.reason, one.code) for one in found]
    return (None if problems else policy), sorted(_at_once(problems))


def _at_once(problems: list[Problem]) -> Iterator[Problem]:
    """One problem for each place: what may be a number or a share says what is wrong with it as either."""
    found: dict[tuple[str, int, int, str, str], list[str]] = {}
    for one in dict.fromkeys(problems):
        found.setdefault((one.source, one.line, one.column, one.path, one.code), []).append(one.reason)
    for (source, line, column, path, code), reasons in found.items():
        yield Problem(line, column, path, "; or: ".join(reasons), code, source)


def read(text: str | Layers, remedies: frozenset[str]) -> Policy:
    """Read and validate a policy written as YAML; ``remedies`` are the names a ladder may use.

    Raises Refused ``policy.unreadable``, ``policy.invalid`` or ``policy.unknown_remedy``, which say the line
    and column of each problem.
    """
    policy, problems = check(text, remedies)
    if policy is None:
        raise refused(problems)
    return policy


def refused(problems: list[Problem]) -> Refused:
    """The error that says all that is wrong with a policy."""
    codes = {problem.code for problem in problems}
    code = codes.pop() if len(codes) == 1 else "policy.invalid"
    return Refused(code, "; ".join(map(str, problems)))
