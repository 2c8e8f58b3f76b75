"""Systems Manager Run Command for the whole fleet: one command asks fifty nodes, one page answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import Permanent, Retryable
from nightshift.passes import BATCH

DELIVERY_SECONDS = 30  # the least that Run Command takes: an agent that is away holds its batch no longer
_UNKNOWN_NODE = "InvalidInstanceId"
_BUSY = frozenset({"ThrottlingException", "Throttling", "RateExceeded", "TooManyRequestsException"})


@dataclass(frozen=True)
class Answer:
    """What one node answered: Run Command's status, and the text that it printed (up to 2,500 characters).

    ``code`` is the exit status of its last step; ``reason`` has nothing to add to Run Command's status.
    """

    status: str
    text: str
    code: int = -1
    reason: str = ""


class UnknownNode(Permanent):
    """Run Command does not know one of the nodes, and says not which: nobody of the batch was asked."""


def send(document: str, node_ids: Sequence[str], parameters: Mapping[str, str], comment: str) -> str:
    """Ask up to fifty nodes at once; returns the command's id.

    Every node is asked whatever the others answer (``MaxErrors`` 100 %). Raises UnknownNode
    ``probe.unknown_node``, Retryable ``probe.throttled`` and Permanent ``probe.refused``.
    """
    try:
        answer = client("ssm").send_command(
            DocumentName=document,
            InstanceIds=list(node_ids),
            Parameters={name: [value] for name, value in parameters.items()},
            Comment=comment[:100],
            TimeoutSeconds=DELIVERY_SECONDS,
            MaxConcurrency=str(BATCH),
            MaxErrors="100%",
        )
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        if code == _UNKNOWN_NODE:
            raise UnknownNode("probe.unknown_node", f"one of {len(node_ids)} nodes has no agent") from error
        if code in _BUSY:
            raise Retryable("probe.throttled", f"{document} was not taken: {code}: {message}") from error
        raise Permanent("probe.refused", f"{document} was refused: {code}: {message}") from error
    return str(answer["Command"]["CommandId"])


def online(node_ids: Sequence[str]) -> frozenset[str]:
    """Those of up to fifty nodes whose agent is registered and answers."""
    key = [{"Key": "InstanceIds", "Values": list(node_ids)}]
    found = client("ssm").describe_instance_information(Filters=key, MaxResults=BATCH)
    return frozenset(
        one["InstanceId"] for one in found["InstanceInformationList"] if one["PingStatus"] == "Online"
    )


def answers(command_id: str, expected: int = BATCH) -> tuple[str, dict[str, Answer]]:
    """The command's comment and what each node answered, by one ``ListCommandInvocations`` page.

    A further page is asked for only while fewer than ``expected`` nodes have come.
    """
    comment, found, more = "", dict[str, Answer](), dict[str, Any]()
    while True:
        page = client("ssm").list_command_invocations(
            CommandId=command_id, Details=True, MaxResults=BATCH, **more
        )
        for one in page["CommandInvocations"]:
            comment = one.get("Comment", comment)
            plugins = one.get("CommandPlugins", [])
            text = "".join(plugin.get("Output", "") for plugin in plugins)
            code = plugins[-1].get("ResponseCode", -1) if plugins else -1
            # The details say more than the status: not delivered is something else than ran too long.
            found[one["InstanceId"]] = Answer(one.get("StatusDetails") or one["Status"], text, code)
        if len(found) >= expected or "NextToken" not in page:
            return comment, found
        more = {"NextToken": page["NextToken"]}


def output(command_id: str, node_id: str) -> tuple[str, str]:
    """What one node printed to stdout and stderr, as long as Run Command keeps it (24,000 and 8,000)."""
    found = client("ssm").get_command_invocation(CommandId=command_id, InstanceId=node_id)
    return str(found["StandardOutputContent"]), str(found["StandardErrorContent"])


def sent(document: str, comment: str, since: str) -> list[str]:
    """The commands with this comment that were sent after ``since``: for whoever died before it knew."""
    asked = [{"key": "DocumentName", "value": document}, {"key": "InvokedAfter", "value": since[:19] + "Z"}]
    pages = client("ssm").get_paginator("list_commands").paginate(Filters=asked)
    return [one["CommandId"] for page in pages for one in page["Commands"] if one.get("Comment") == comment]


def script(document: str) -> str:
    """What a document has its nodes run: the same probe for nodes that are reached another way."""
    found = client("ssm").get_document(Name=document, DocumentFormat="JSON")
    lines = json.loads(found["Content"])["mainSteps"][0]["inputs"]["runCommand"]
    return "\n".join(lines)
