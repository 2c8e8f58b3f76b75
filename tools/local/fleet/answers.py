"""How commands look in SSM's answers and in AWS's events."""

import json
from datetime import UTC, datetime
from typing import Any

from .invocations import Command, Invocation, Plugin
from .settings import ACCOUNT, REGION

DETAILS_CHARS = 2500
STDOUT_CHARS, STDERR_CHARS = 24_000, 8000
CUT = "\n---Output truncated---"
ERROR_MARK = "\n----------ERROR-------\n"


def command_answer(command: Command) -> dict[str, Any]:
    """A `Command` as in SendCommand and ListCommands."""
    request = command.request
    return {
        "CommandId": command.id,
        "DocumentName": command.document.name,
        "DocumentVersion": command.document.version,
        "Comment": request.get("Comment", ""),
        "ExpiresAfter": command.expires,
        "Parameters": command.values,
        "InstanceIds": request.get("InstanceIds", []),
        "Targets": request.get("Targets", []),
        "RequestedDateTime": command.requested,
        "Status": command.status,
        "StatusDetails": command.details,
        "OutputS3BucketName": "",
        "OutputS3KeyPrefix": "",
        "MaxConcurrency": str(request.get("MaxConcurrency", "50")),
        "MaxErrors": str(request.get("MaxErrors", "0")),
        "TargetCount": len(command.invocations),
        "CompletedCount": sum(one.over for one in command.invocations.values()),
        "ErrorCount": command.count("Failed"),
        "DeliveryTimedOutCount": sum(
            one.details == "DeliveryTimedOut" for one in command.invocations.values()
        ),
        "ServiceRole": "",
        "NotificationConfig": {},
        "TimeoutSeconds": int(command.delivery_seconds),
    }


def invocation_answer(command: Command, invocation: Invocation, *, details: bool) -> dict[str, Any]:
    """A `CommandInvocation` as in ListCommandInvocations."""
    return {
        "CommandId": command.id,
        "InstanceId": invocation.node_id,
        "InstanceName": invocation.node_name,
        "Comment": command.request.get("Comment", ""),
        "DocumentName": command.document.name,
        "DocumentVersion": command.document.version,
        "RequestedDateTime": command.requested,
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [_plugin(one) for one in invocation.plugins] if details else [],
        "ServiceRole": "",
        "NotificationConfig": {},
    }


def _plugin(plugin: Plugin) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "Name": plugin.name,
        "Status": plugin.status,
        "StatusDetails": plugin.status,
        "ResponseCode": plugin.code,
        "Output": cut(_joined(plugin), DETAILS_CHARS),
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
    }
    if plugin.started:
        answer["ResponseStartDateTime"] = plugin.started
    if plugin.ended:
        answer["ResponseFinishDateTime"] = plugin.ended
    return answer


def _joined(plugin: Plugin) -> str:
    return plugin.stdout + (ERROR_MARK + plugin.stderr if plugin.stderr else "")


def get_answer(command: Command, invocation: Invocation, plugin_name: str | None) -> dict[str, Any]:
    """The answer of GetCommandInvocation: one step, the first unless one is named."""
    named = [one for one in invocation.plugins if plugin_name in (None, "", one.name)]
    plugin = named[0] if named else Plugin(plugin_name or "")
    started, ended = plugin.started, plugin.ended
    return {
        "CommandId": command.id,
        "InstanceId": invocation.node_id,
        "Comment": command.request.get("Comment", ""),
        "DocumentName": command.document.name,
        "DocumentVersion": command.document.version,
        "PluginName": plugin.name,
        "ResponseCode": plugin.code,
        "ExecutionStartDateTime": iso(started) if started else "",
        "ExecutionElapsedTime": f"PT{ended - started:.3f}S" if started and ended else "",
        "ExecutionEndDateTime": iso(ended) if ended else "",
        "Status": invocation.status,
        "StatusDetails": invocation.details,
        "StandardOutputContent": cut(plugin.stdout, STDOUT_CHARS),
        "StandardOutputUrl": "",
        "StandardErrorContent": cut(plugin.stderr, STDERR_CHARS),
        "StandardErrorUrl": "",
    }


def event_detail(command: Command, invocation: Invocation | None = None) -> dict[str, Any]:
    """`detail` of "EC2 Command Status-change Notification", or of an invocation's one."""
    detail = {
        "command-id": command.id,
        "document-name": command.document.name,
        "requested-date-time": iso(command.requested),
        "expire-after": iso(command.expires),
        "parameters": json.dumps(command.values),
        "status": command.status,
    }
    if invocation is not None:
        detail |= {"instance-id": invocation.node_id, "status": invocation.status}
    return detail


def instance_arn(node_id: str) -> str:
    """The ARN of an instance in the local region."""
    return f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{node_id}"


def cut(text: str, limit: int) -> str:
    """At most `limit` characters; the end of a cut text says so."""
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT


def iso(epoch: float) -> str:
    """UTC time with milliseconds and Z."""
    moment = datetime.fromtimestamp(epoch, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
