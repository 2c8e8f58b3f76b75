"""Run Command as a person's command meets it: fifty nodes a send, looked at until they have ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.functional.rejected import Rejected

DOCUMENT = "Nightshift-RunCommand"
LISTED, KEPT = 2_500, 24_000  # characters that a listing shows, and that GetCommandInvocation has
#: Status details, output and exit status of one node.
Answer = tuple[str, str, int]


@dataclass
class Runs:
    """Every send of the document. ``looks`` are how often a command is listed before its nodes have ended."""

    answer: Callable[[str], Answer] = lambda _: ("Success", "Linux\n", 0)
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    looks: int = 0
    listed: dict[str, int] = field(default_factory=dict)
    vanished: set[str] = field(default_factory=set)

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """SendCommand to at most fifty nodes."""
        assert 0 < len(request["InstanceIds"]) <= 50
        command_id = str(uuid.uuid4())
        self.sent[command_id] = request
        return {"Command": {"CommandId": command_id, "Status": "Pending"}}

    def commands(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListCommands of the document."""
        assert {"key": "DocumentName", "value": DOCUMENT} in request["Filters"]
        found = [{"CommandId": one, "Comment": sent["Comment"]} for one, sent in self.sent.items()]
        return {"Commands": found}

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListCommandInvocations: running for ``looks`` times, then as answered."""
        command_id = request["CommandId"]
        self.listed[command_id] = self.listed.get(command_id, 0) + 1
        over = self.listed[command_id] > self.looks
        nodes = [one for one in self.sent[command_id]["InstanceIds"] if one not in self.vanished]
        return {"CommandInvocations": [self._invocation(command_id, node, over=over) for node in nodes]}

    def _invocation(self, command_id: str, node: str, *, over: bool) -> dict[str, Any]:
        status, text, code = self.answer(node) if over else ("In Progress", "", -1)
        plugin = {"Name": "runCommand", "Status": status, "ResponseCode": code, "Output": text[:LISTED]}
        return {
            "CommandId": command_id,
            "InstanceId": node,
            "Comment": self.sent[command_id]["Comment"],
            "Status": "Success" if status == "Success" else "InProgress" if not over else "Failed",
            "StatusDetails": status,
            "CommandPlugins": [plugin],
        }

    def whole(self, request: dict[str, Any]) -> dict[str, Any]:
        """GetCommandInvocation."""
        if request["CommandId"] not in self.sent:
            raise Rejected("InvocationDoesNotExist", "")
        text = self.answer(request["InstanceId"])[1]
        return {"StandardOutputContent": text[:KEPT], "StandardErrorContent": ""}
