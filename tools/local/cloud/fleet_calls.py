"""Calling the local fleet's SSM endpoint from inside the cloud."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

_TIMEOUT_SECONDS = 30


class FleetRefused(ValueError):
    """The fleet's refusal, or its silence; `code` is the AWS error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def call(fleet: str, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """One SSM action (AWS JSON 1.1) of the fleet at base URL `fleet`; raises FleetRefused."""
    sent = urllib.request.Request(
        f"{fleet}/",
        data=json.dumps(request).encode(),
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonSSM.{action}"},
    )
    try:
        with urllib.request.urlopen(sent, timeout=_TIMEOUT_SECONDS) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        body = json.loads(error.read() or b"{}")
        code = str(body.get("__type", "InternalServerError")).rpartition("#")[2]
        raise FleetRefused(code, str(body.get("message") or body.get("Message", ""))) from error
    except urllib.error.URLError as error:
        raise FleetRefused("ServiceUnavailable", f"{fleet} did not answer: {error.reason}") from error
