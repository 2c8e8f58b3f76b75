"""Sending a request that ministack received on to the server that really answers it."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Response = tuple[int, dict[str, str], bytes]

_HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "expect", "keep-alive"}
_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """What ministack hands to a service: lower-case header names, the body as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | str | None
    query: Mapping[str, Any]


async def forward(base_url: str, request: Request) -> Response:
    """Send the request to `base_url` and return its status, headers and body.

    An unreachable server is answered as 503 ServiceUnavailable, which SDKs retry.
    """
    return await asyncio.to_thread(_send, base_url, request)


def _send(base_url: str, request: Request) -> Response:
    target = urllib.parse.urlsplit(base_url)
    # Step Functions integrations hand the body over as text.
    body = request.body.encode() if isinstance(request.body, str) else (request.body or b"")
    query = urllib.parse.urlencode(request.query, doseq=True)
    connection = http.client.HTTPConnection(
        target.hostname or "127.0.0.1", target.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request(
            request.method,
            f"{request.path}?{query}" if query else request.path,
            body=body,
            headers={k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP},
        )
        answer = connection.getresponse()
        kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP_BY_HOP}
        return answer.status, kept, answer.read()
    except (OSError, http.client.HTTPException) as error:
        message = f"{base_url} did not answer: {error}"
        return (
            503,
            {"Content-Type": "application/x-amz-json-1.1"},
            json.dumps({"__type": "ServiceUnavailable", "message": message}).encode(),
        )
    finally:
        connection.close()
