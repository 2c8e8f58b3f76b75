"""The probe on a simulated fleet: one command for fifty nodes, one page with what each of them printed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.functional.rejected import Rejected

PROBE = "Nightshift-Probe"
MOST = 50  # nodes per command, and invocations per page
#: A node's answer: its status, and what it printed; None for a node whose invocation has vanished.
Answer = tuple[str, str] | None


@dataclass
class Probes:
    """Every probe that was sent. ``answer`` is what a node says; ``shown`` is what Details cut it to."""

    answer: Callable[[str], Answer] = lambda _: ("Failed", "")
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    shown: int = 2_500

    def send(self, request: dict[str, Any]) -> dict[str, Any]:
        """SendCommand with many nodes."""
        if not 0 < len(request["InstanceIds"]) <= MOST:
            raise Rejected("ValidationException", f"{len(request['InstanceIds'])} nodes")
        command_id = str(uuid.uuid4())
        self.sent[command_id] = request
        return {"Command": {"CommandId": command_id, "Status": "Pending"}}

    def page(self, request: dict[str, Any]) -> dict[str, Any]:
        """ListCommandInvocations with Details: one page."""
        assert request["Details"]
        assert request["MaxResults"] == MOST
        self.listed.append(request["CommandId"])
        sent = self.sent[request["CommandId"]]
        answers = {node_id: self.answer(node_id) for node_id in sent["InstanceIds"]}
        return {
            "CommandInvocations": [
                {
                    "CommandId": request["CommandId"],
                    "InstanceId": node_id,
                    "Comment": sent["Comment"],
                    "Status": "Success" if answer[0] == "Success" else "Failed",
                    "StatusDetails": answer[0],
                    "CommandPlugins": [
                        {"Name": "probe", "Status": answer[0], "Output": answer[1][: self.shown]}
                    ],
                }
                for node_id, answer in answers.items()
                if answer
            ]
        }
