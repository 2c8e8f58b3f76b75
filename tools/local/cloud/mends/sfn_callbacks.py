"""`.waitForTaskToken` tasks: errors of the call fail the task, heartbeats count, tokens end.

Upstream swallows a Lambda error and waits for the timeout, ignores HeartbeatSeconds, gives every
retry the same token, and accepts a second answer to a token.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from typing import Any

from tools.local.cloud.config import CloudConfig
from tools.local.cloud.mends import sfn_stopping

_POLL_SECONDS = 0.25
_NEVER = 99_999.0
_closed: deque[str] = deque(maxlen=10_000)


def apply(_config: CloudConfig) -> None:
    """Replace the callback wait and guard the three answers to a token."""
    from ministack.services import stepfunctions as sfn

    arguments = sfn._apply_jsonata_arguments

    def fresh_arguments(state: dict[str, Any], raw_input: Any, ctx: Any = None) -> Any:
        if ctx and ".waitForTaskToken" in str(state.get("Resource", "")):
            # Every attempt of a retried task has its own token, as in AWS.
            ctx["Task"] = {"Token": sfn.new_uuid()}
        return arguments(state, raw_input, ctx)

    def invoke_with_callback(resource: str, payload: Any, token: str, state: dict[str, Any]) -> Any:
        info = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
        sfn._task_tokens[token] = info
        try:
            _call(sfn, resource, payload, info)
            _wait(sfn, info, state)
        finally:
            sfn._task_tokens.pop(token, None)
            _closed.append(token)
        return _answer(sfn, info)

    sfn._apply_jsonata_arguments = fresh_arguments
    sfn._invoke_with_callback = invoke_with_callback
    for name in ("_send_task_success", "_send_task_failure", "_send_task_heartbeat"):
        setattr(sfn, name, _guarded(sfn, getattr(sfn, name)))


def _guarded(sfn: Any, send: Any) -> Any:
    def answer(data: dict[str, Any]) -> Any:
        token = data.get("taskToken")
        info = sfn._task_tokens.get(token)
        if token in _closed or (info and info["event"].is_set()):
            return sfn.error_response_json(
                "TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'", 400
            )
        return send(data)

    return answer


def _call(sfn: Any, resource: str, payload: Any, info: dict[str, Any]) -> None:
    try:
        sfn._invoke_resource(resource.replace(".waitForTaskToken", ""), payload)
    except sfn._ExecutionError:
        # The token may have been answered before the call itself broke: then the answer counts.
        if not info["event"].is_set():
            raise


def _wait(sfn: Any, info: dict[str, Any], state: dict[str, Any]) -> None:
    timeout = float(state.get("TimeoutSeconds", _NEVER))
    heartbeat = float(state.get("HeartbeatSeconds", _NEVER))
    stopped = sfn_stopping.stop_event()
    started = beat = time.monotonic()
    last = info["heartbeat"]
    while not info["event"].wait(_POLL_SECONDS):
        now = time.monotonic()
        if stopped.is_set():
            raise sfn_stopping.ExecutionStopped
        if info["heartbeat"] != last:
            last, beat = info["heartbeat"], now
        if now - started >= timeout:
            raise sfn._ExecutionError("States.Timeout", "Task timed out waiting for callback")
        if now - beat >= heartbeat:
            raise sfn._ExecutionError("States.HeartbeatTimeout", "Task sent no heartbeat in time")


def _answer(sfn: Any, info: dict[str, Any]) -> Any:
    if info["error"]:
        error = info["error"]
        raise sfn._ExecutionError(error.get("Error", "TaskFailed"), error.get("Cause", ""))
    result = info["result"]
    try:
        return json.loads(result) if isinstance(result, str) else result
    except json.JSONDecodeError:
        return result
