"""Sending a request that ministack received on to the server that really answers it."""

from __future__ import annotations

import asyncio
import http.client
import json
import urllib.parse
from collections.abc import Mapping
from typing import Any

Response = tuple[int, dict[str, str], bytes]

_HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "expect", "keep-alive"}
_TIMEOUT_SECONDS = 30.0


async def forward(
    base_url: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | str | None,
    query: Mapping[str, Any] | None = None,
) -> Response:
    """Send the request to `base_url` and return its status, headers and body.

    An unreachable server is answered as 503 ServiceUnavailable, which SDKs retry.
    """
    return await asyncio.to_thread(_send, base_url, method, path, headers, body, query or {})


def _send(
    base_url: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes | str | None,
    query: Mapping[str, Any],
) -> Response:
    target = urllib.parse.urlsplit(base_url)
    # Step Functions integrations hand the body over as text.
    payload = body.encode() if isinstance(body, str) else (body or b"")
    if query:
        path = f"{path}?{urllib.parse.urlencode(query, doseq=True)}"
    connection = http.client.HTTPConnection(
        target.hostname or "127.0.0.1", target.port, timeout=_TIMEOUT_SECONDS
    )
    try:
        connection.request(
            method,
            path,
            body=payload,
            headers={k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP},
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
