"""Systems Manager Run Command as a fake: it checks documents and parameters as AWS does, and runs nothing."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import yaml

from tests.functional.probing import PROBE, Probes
from tests.functional.rejected import Rejected
from tests.functional.running_fake import DOCUMENT, Runs
from tests.samples import ROOT
from tests.stack import stack


@dataclass
class Command:
    """One command on one node."""

    command_id: str
    document: str
    node_id: str
    parameters: dict[str, str]
    status: str = "InProgress"
    output: str = ""


@dataclass
class RunCommand:
    """Every command that was sent; ``offline`` are nodes whose agent is not registered.

    ``forgotten`` are commands that the service does not know any more.
    """

    commands: list[Command] = field(default_factory=list)
    offline: set[str] = field(default_factory=set)
    forgotten: set[str] = field(default_factory=set)
    probes: Probes = field(default_factory=Probes)
    runs: Runs = field(default_factory=Runs)

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """SendCommand: refuses unknown documents, wrong parameters and absent agents."""
        many = {PROBE: self.probes, DOCUMENT: self.runs}.get(request["DocumentName"])
        if many is not None:
            given = {name: values[0] for name, values in request["Parameters"].items()}
            _check(request["DocumentName"], given)
            if self.offline & set(request["InstanceIds"]):
                raise Rejected("InvalidInstanceId", "")
            return many.send(request)
        (node_id,) = request["InstanceIds"]
        parameters = {name: values[0] for name, values in request["Parameters"].items()}
        _check(request["DocumentName"], parameters)
        if node_id in self.offline:
            raise Rejected("InvalidInstanceId", "")
        command = Command(str(uuid.uuid4()), request["DocumentName"], node_id, parameters)
        self.commands.append(command)
        return {"Command": {"CommandId": command.command_id, "Status": "Pending"}}

    def invocations(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListCommandInvocations with details; a command is known for 30 days."""
        if request["CommandId"] in self.forgotten:
            raise Rejected("InvalidCommandId", "")
        if request["CommandId"] in self.probes.sent:
            return self.probes.page(request)
        if request["CommandId"] in self.runs.sent:
            return self.runs.page(request)
        found = [
            {
                "CommandId": one.command_id,
                "InstanceId": one.node_id,
                "Status": one.status,
                "CommandPlugins": [{"Name": "step", "Status": one.status, "Output": one.output}],
            }
            for one in self.commands
            if (one.command_id, one.node_id) == (request["CommandId"], request["InstanceId"])
        ]
        return {"CommandInvocations": found}

    def information(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeInstanceInformation by ids: every agent that is registered answers."""
        (wanted,) = (one["Values"] for one in request["Filters"])
        online = [one for one in wanted if one not in self.offline]
        return {"InstanceInformationList": [{"InstanceId": one, "PingStatus": "Online"} for one in online]}

    @property
    def last(self) -> Command:
        """The newest command."""
        return self.commands[-1]

    def running(self) -> list[Command]:
        """Commands that have not ended."""
        return [command for command in self.commands if command.status == "InProgress"]


@dataclass
class Guards:
    """What the nodes remember of their steps, as the guard of every document has them do.

    ``acted`` are the commands that really did something, in order; ``results`` are by node and step.
    """

    acted: list[Command] = field(default_factory=list)
    results: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)

    def run(self, command: Command, act: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        """A known step answers with its stored result, an older fence is refused, anything else acts."""
        step = (command.node_id, command.parameters["StepId"])
        if step not in self.results:
            fence, highest = int(command.parameters["Fence"]), self.fences.get(command.node_id, 0)
            if fence < highest:
                return "Failed", f"refused: fence {fence} is older than {highest}"
            self.fences[command.node_id] = fence
            self.acted.append(command)
            self.results[step] = act()
        return self.results[step]


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Every SSM document of the template, by the name that AWS knows it by."""
    found = {}
    for properties in stack().of_type("AWS::SSM::Document").values():
        location = properties["Content"]["Fn::Transform"]["Parameters"]["Location"]
        found[properties["Name"]] = yaml.safe_load((ROOT / location).read_text())
    return found


def _check(name: str, parameters: dict[str, str]) -> None:
    document = documents().get(name)
    if document is None:
        raise Rejected("InvalidDocument", f"Document with name {name} does not exist.")
    known = document["parameters"]
    missing = {key for key, rules in known.items() if "default" not in rules} - set(parameters)
    if missing or set(parameters) - set(known):
        raise Rejected("InvalidParameters", f"missing {missing}, unknown {set(parameters) - set(known)}")
    for key, value in parameters.items():
        pattern, allowed = known[key].get("allowedPattern"), known[key].get("allowedValues")
        if (pattern and not re.search(pattern, value)) or (allowed and value not in allowed):
            raise Rejected("InvalidParameters", f"Parameter {key} does not match its allowed values.")
