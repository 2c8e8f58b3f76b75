"""Systems Manager Run Command: send one document to one node, and read how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import NightshiftError, Permanent, Retryable

DELIVERY_SECONDS = 60
UNKNOWN = "Unknown"  # not one of Run Command's: it lists no invocation of the command on the node
ENDED = frozenset(
    {
        "Success",
        "Failed",
        "TimedOut",
        "Cancelled",
        "Undeliverable",
        "Terminated",
        "DeliveryTimedOut",
        "ExecutionTimedOut",
        "Incomplete",
        "LimitExceeded",
        "AccessDenied",
        "InvalidPlatform",
    }
)
# The answers of Run Command that another try cannot change.
_FINAL = frozenset(
    {"InvalidDocument", "InvalidParameters", "InvalidDocumentVersion", "UnsupportedPlatformType"}
)
_NOT_THERE = frozenset({"InvalidInstanceId"})
# Nothing was sent, and a moment later it may be.
_BUSY = frozenset({"ThrottlingException", "Throttling", "RateExceeded", "TooManyRequestsException"})
TAIL = 500


@dataclass(frozen=True)
class Invocation:
    """How a command ended on a node.

    ``text`` is all that Run Command hands back of what it printed (2,500 characters), ``output`` the last
    500 of them, which stand in the journal.
    """

    succeeded: bool
    status: str
    output: str
    text: str = ""

    @classmethod
    def not_begun(cls, error: NightshiftError) -> Invocation:
        """What a step that could not even begin came to."""
        return cls(succeeded=False, status=error.code, output=error.message)


def send(document: str, node_id: str, parameters: Mapping[str, str], comment: str) -> str:
    """Run ``document`` on exactly one node; returns the command's id.

    Raises Permanent ``command.refused`` (a document or parameter is wrong) and Retryable
    ``command.node_offline`` (the agent is not registered) or ``command.throttled``.
    """
    try:
        answer = client("ssm").send_command(
            DocumentName=document,
            InstanceIds=[node_id],
            Parameters={name: [value] for name, value in parameters.items()},
            Comment=comment[:100],
            TimeoutSeconds=DELIVERY_SECONDS,
        )
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code in _FINAL:
            raise Permanent(
                "command.refused", f"{document} was refused: {code}: {message}", node=node_id
            ) from error
        if code in _NOT_THERE:
            raise Retryable(
                "command.node_offline", f"{node_id} has no agent that is online", node=node_id
            ) from error
        if code in _BUSY:
            raise Retryable(
                "command.throttled", f"{document} was not taken: {code}: {message}", node=node_id
            ) from error
        raise
    return str(answer["Command"]["CommandId"])


def invocation(command_id: str, node_id: str) -> Invocation:
    """How a command ended on a node, by one ``ListCommandInvocations`` page; UNKNOWN when none lists it."""
    ssm = client("ssm")
    try:
        answer = ssm.list_command_invocations(CommandId=command_id, InstanceId=node_id, Details=True)
    except ssm.exceptions.InvalidCommandId:
        answer = {"CommandInvocations": []}
    found = answer["CommandInvocations"]
    if not found:
        return Invocation(succeeded=False, status=UNKNOWN, output="the command never reached this node")
    text = "\n".join(plugin.get("Output", "") for plugin in found[0].get("CommandPlugins", [])).strip()
    status = found[0]["Status"]
    return Invocation(succeeded=status == "Success", status=status, output=text[-TAIL:], text=text)
