"""Auto Scaling and EC2 are answered by moto's server.

Upstream keeps Auto Scaling groups as records: nothing is launched, TerminateInstanceInAutoScalingGroup
is unknown. moto launches and replaces instances in its own model, which the local fleet follows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tools.local.cloud.config import REGION, CloudConfig
from tools.local.cloud.forwarding import Request, Response, forward

_BROKEN = 500
_NOT_FOUND = (
    "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code>"
    "<Message>Instance Id not found - No managed instance found for the given instance ID</Message>"
    "</Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
)
# moto has no instance refreshes, so none is ever running; the answer that AWS gives then.
_NO_REFRESHES = (
    '<DescribeInstanceRefreshesResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
    "<DescribeInstanceRefreshesResult><InstanceRefreshes/></DescribeInstanceRefreshesResult>"
    "<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"
    "</DescribeInstanceRefreshesResponse>"
)


def apply(config: CloudConfig) -> None:
    """Forward both services to `config.moto`."""
    from ministack.services import autoscaling, ec2

    autoscaling.handle_request = _handler(config.moto, "autoscaling")
    ec2.handle_request = _handler(config.moto, "ec2")


def _handler(moto: str, service: str) -> Callable[..., Awaitable[Response]]:
    async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Response:
        sent = {name.lower(): value for name, value in headers.items()}
        # moto routes by the credential scope; calls made by Step Functions carry none.
        sent.setdefault(
            "authorization",
            f"AWS4-HMAC-SHA256 Credential=test/20200101/{REGION}/{service}/aws4_request, "
            "SignedHeaders=host, Signature=none",
        )
        text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
        if service == "autoscaling" and "Action=DescribeInstanceRefreshes" in text:
            return 200, {"Content-Type": "text/xml"}, _NO_REFRESHES.encode()
        status, answer, content = await forward(moto, Request(method, path, sent, body, query))
        if status == _BROKEN and service == "autoscaling" and b"<html" in content[:200].lower():
            # moto crashes with a page of HTML on an unknown instance id; AWS refuses it politely.
            return 400, {"Content-Type": "text/xml"}, _NOT_FOUND.encode()
        return status, answer, content

    return handle
