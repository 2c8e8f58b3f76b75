"""The call recorder: one JSON line for each AWS call that a function made since the server started.

A line is {"at", "app", "service", "action", "status", "iam"}: `at` in UTC, `app` the function's
name (from the SDK's user agent), `iam` the list of [IAM action, resource ARN] that AWS would check.
"""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from typing import Any, TextIO

from tools.local.cloud import crashes
from tools.local.cloud.config import REGION, CloudConfig
from tools.local.cloud.mends.fleet_actions import FLEET_ACTIONS

_APP = re.compile(r"\bapp/(\S+)")


class Recorder:
    """Appends calls to a file; safe to use from several threads."""

    def __init__(self, config: CloudConfig) -> None:
        self._home = config.home
        config.calls.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = config.calls.open("w", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()

    def install(self) -> None:
        """Record what goes through ministack's dispatcher."""
        from ministack import app

        dispatch = app._dispatch_service_request

        async def recorded(*request: Any) -> Any:
            answer = await dispatch(*request)
            method, path, headers, body, query, _request_id = request
            found = _APP.search(headers.get("user-agent", ""))
            if found:
                call = _describe(method, path, headers, body, query)
                self._write(found[1], call, int(answer[0]))
                crashes.strike(self._home, found[1], call["action"], body.decode(errors="replace"))
            return answer

        app._dispatch_service_request = recorded

    def _write(self, app_id: str, call: dict[str, Any], status: int) -> None:
        at = datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"at": at, "app": app_id, **call, "status": status})
        with self._lock:
            self._file.write(line + "\n")


def _describe(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> dict[str, Any]:
    from ministack import app
    from ministack.core import iam_actions
    from ministack.core.responses import get_account_id

    params = app._routing_params(method, path, headers, body, query)
    service = app.detect_service(method, path, headers, params)
    if path in {"/configurationsessions", "/configuration"}:
        service = "appconfigdata"  # which signs as appconfig, and so looks like that service
    iam = iam_actions.extract_iam_action(service, method, path, headers, body, params)
    arn = iam_actions.extract_resource_arn(
        service, method, path, headers, body, params, REGION, get_account_id()
    )
    checks: list[Any] = []
    if service == "dynamodb" and iam:
        # A transaction is no IAM action of its own: each item is allowed or refused as its action.
        checks = list(iam_actions.dynamodb_transaction_checks(iam, body, REGION, get_account_id()))
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if target == "GetDocument":  # ministack takes the name of anything in Systems Manager for a parameter's
        arn = (arn or "").replace(":parameter/", ":document/")
    if not iam and target in FLEET_ACTIONS:
        iam = f"ssm:{target}"
    action = target or (iam or "").partition(":")[2] or f"{method} {path}"
    return {"service": service, "action": action, "iam": checks or ([[iam, arn]] if iam else [])}
