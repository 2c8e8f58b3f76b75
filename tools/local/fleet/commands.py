"""Run Command: accepts commands, hands them to agents within their limits, takes the results."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from .answers import event_detail, instance_arn
from .bus import EventBus
from .documents import DocumentStore
from .errors import SsmError
from .invocations import GRACE_SECONDS, Command, Invocation, Plugin
from .parameters import resolve
from .registry import Registry
from .targets import absolute, choose_targets

KEPT_COMMANDS = 2000
DEFAULT_DELIVERY_SECONDS = 3600


class Commands:
    """All commands by id, the oldest forgotten beyond KEPT_COMMANDS."""

    def __init__(self, documents: DocumentStore, registry: Registry, bus: EventBus) -> None:
        self._documents = documents
        self._registry = registry
        self._bus = bus
        self.commands: OrderedDict[str, Command] = OrderedDict()

    def check(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Whether a document could be sent with these parameters.

        Raises:
            SsmError: InvalidDocument, InvalidParameters.
        """
        resolve(self._documents.find(name).declarations, parameters)

    def send(self, request: dict[str, Any]) -> Command:
        """Accept a SendCommand request.

        Raises:
            SsmError: InvalidDocument, InvalidParameters, InvalidInstanceId, ValidationException.
        """
        document = self._documents.find(str(request.get("DocumentName", "")), request.get("DocumentVersion"))
        values = resolve(document.declarations, request.get("Parameters") or {})
        nodes = choose_targets(request, self._registry)
        work = document.work(values)
        command = Command(
            document,
            values,
            work,
            {
                node.id: Invocation(node.id, node.facts.name, [Plugin(step["name"]) for step in work])
                for node in nodes
            },
            delivery_seconds=float(request.get("TimeoutSeconds") or DEFAULT_DELIVERY_SECONDS),
            max_concurrency=max(1, absolute(request.get("MaxConcurrency"), len(nodes), default="50")),
            max_errors=absolute(request.get("MaxErrors"), len(nodes), default="0"),
            request=request,
        )
        self.commands[command.id] = command
        while len(self.commands) > KEPT_COMMANDS:
            self.commands.popitem(last=False)
        self._advance(command)
        return command

    def find(self, command_id: str) -> Command:
        """A command by id.

        Raises:
            SsmError: InvalidCommandId.
        """
        command = self.commands.get(command_id)
        if command is None:
            raise SsmError("InvalidCommandId", f"command {command_id} does not exist")
        return command

    def cancel(self, command_id: str, node_ids: list[str]) -> None:
        """Cancel a command where it is not over: everywhere, or on some nodes.

        Raises:
            SsmError: InvalidCommandId.
        """
        command = self.find(command_id)
        command.cancelling = not node_ids or set(node_ids) >= set(command.invocations)
        for invocation in command.invocations.values():
            if invocation.over or (node_ids and invocation.node_id not in node_ids):
                continue
            if invocation.status == "InProgress":
                self._change(command, invocation, "Cancelling")
                if node := self._registry.nodes.get(invocation.node_id):
                    node.cancellations.append(command.id)
                    node.mail.set()
            else:
                self._change(command, invocation, "Cancelled")
        self._advance(command)

    def next_work(self, node_id: str) -> list[dict[str, Any]]:
        """What a node's agent has to begin. It stays in the mailbox until the agent reports."""
        mailbox = self._registry.nodes[node_id].mailbox
        mailbox[:] = [one for one in mailbox if self._awaits_delivery(one, node_id)]
        return [{"command": one, "steps": self.commands[one].work} for one in mailbox]

    def _awaits_delivery(self, command_id: str, node_id: str) -> bool:
        command = self.commands.get(command_id)
        return command is not None and command.invocations[node_id].status == "Pending"

    def report(self, node_id: str, report: Mapping[str, Any]) -> None:
        """Take an agent's report: that it began, or how it ended. Repetitions change nothing."""
        command = self.commands.get(str(report["command"]))
        invocation = command.invocations.get(node_id) if command else None
        if command is None or invocation is None or invocation.over:
            return
        invocation.take_report(report["plugins"])
        status = str(report["status"])
        if invocation.started is None:
            invocation.started = time.time()
        if status != "InProgress" or invocation.status == "Pending":
            self._change(command, invocation, status, report.get("details"))
        self._advance(command)

    def tick(self) -> None:
        """Let go what waited too long or ran too long, or whose node is gone."""
        for command in [one for one in self.commands.values() if not one.over]:
            for invocation in command.invocations.values():
                if not invocation.over:
                    self._expire(command, invocation, time.time())
            self._advance(command)

    def _expire(self, command: Command, invocation: Invocation, now: float) -> None:
        if invocation.node_id not in self._registry.nodes:
            self._change(command, invocation, "Failed", "Undeliverable")
        elif invocation.started is None and now > command.requested + command.delivery_seconds:
            self._change(command, invocation, "TimedOut", "DeliveryTimedOut")
        elif invocation.started is not None and (
            now > invocation.started + command.execution_seconds + GRACE_SECONDS
        ):
            self._change(command, invocation, "TimedOut", "ExecutionTimedOut")

    def _advance(self, command: Command) -> None:
        """Queue what the limits allow, and set the command's own status."""
        if command.errors > command.max_errors:
            for invocation in command.invocations.values():
                if not invocation.queued and not invocation.over:
                    self._change(command, invocation, "Cancelled", "Terminated")
        waiting = [one for one in command.invocations.values() if not one.queued and not one.over]
        room = command.max_concurrency - sum(
            one.queued and not one.over for one in command.invocations.values()
        )
        for invocation in waiting[: max(room, 0)]:
            invocation.queued = True
            if node := self._registry.nodes.get(invocation.node_id):
                node.mailbox.append(command.id)
                node.mail.set()
        self._set_status(command)

    def _set_status(self, command: Command) -> None:
        status, command.details = command.summary()
        if status == command.status:
            return
        command.status = status
        arns = [instance_arn(node_id) for node_id in command.invocations]
        self._bus.put("aws.ssm", "EC2 Command Status-change Notification", event_detail(command), arns)

    def _change(
        self, command: Command, invocation: Invocation, status: str, details: str | None = None
    ) -> None:
        invocation.set(status, details)
        self._bus.put(
            "aws.ssm",
            "EC2 Command Invocation Status-change Notification",
            event_detail(command, invocation),
            [instance_arn(invocation.node_id)],
        )
