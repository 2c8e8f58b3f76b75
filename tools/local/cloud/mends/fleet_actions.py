"""SSM fleet actions are answered by the local fleet, which really runs commands on local nodes.

Upstream runs nothing for local nodes and has no ListCommandInvocations. Parameter Store and the
rest of SSM stay with upstream.
"""

from __future__ import annotations

from typing import Any

from tools.local.cloud.config import CloudConfig
from tools.local.cloud.forwarding import Request, forward

FLEET_ACTIONS = frozenset(
    {
        "SendCommand",
        "ListCommands",
        "ListCommandInvocations",
        "GetCommandInvocation",
        "CancelCommand",
        "DescribeInstanceInformation",
        "CreateDocument",
        "UpdateDocument",
        "UpdateDocumentDefaultVersion",
        "DeleteDocument",
        "GetDocument",
        "DescribeDocument",
        "ListDocuments",
        "CreateAssociation",
        "DeleteAssociation",
    }
)


def apply(config: CloudConfig) -> None:
    """Forward the fleet's actions to `config.fleet`."""
    from ministack.services import ssm

    handle_request = ssm.handle_request

    async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        lowered = {name.lower(): value for name, value in headers.items()}
        if lowered.get("x-amz-target", "").rpartition(".")[2] in FLEET_ACTIONS:
            return await forward(config.fleet, Request("POST", "/", lowered, body, {}))
        return await handle_request(method, path, headers, body, query)

    ssm.handle_request = handle
