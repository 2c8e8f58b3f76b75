"""Executions that stop: the machine's own TimeoutSeconds holds, and a stopped execution does no more.

Upstream never ends an execution as TIMED_OUT, turns an aborted one into FAILED when its last task
ends, and lets a stopped execution go on waiting, retrying and invoking in its thread.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from tools.local.cloud.config import CloudConfig

_current: contextvars.ContextVar[str] = contextvars.ContextVar("execution_arn", default="")
_stops: dict[str, threading.Event] = {}


class ExecutionStopped(Exception):
    """Unwinds the thread of an execution that was stopped from outside."""


def stop_event() -> threading.Event:
    """Set when the execution of this thread has been stopped; never set outside an execution."""
    return _stops.get(_current.get()) or threading.Event()


def apply(_config: CloudConfig) -> None:
    """Wrap the run, the failure, the stop and the sleep of executions."""
    from ministack.services import stepfunctions as sfn

    sfn._run_execution = _timed(sfn, sfn._run_execution)
    sfn._fail_execution = _once(sfn._fail_execution)
    sfn._stop_execution = _releasing(sfn._stop_execution)
    sfn._scaled_sleep = lambda seconds: _sleep(seconds * sfn._SFN_WAIT_SCALE)
    sfn.logger.addFilter(_is_no_stop)


def _timed(sfn: Any, run_execution: Callable[[str], None]) -> Callable[[str], None]:
    def run(arn: str) -> None:
        _current.set(arn)
        _stops[arn] = threading.Event()
        timer = _timer(sfn, arn)
        try:
            run_execution(arn)
        finally:
            if timer:
                timer.cancel()
            _stops.pop(arn, None)

    return run


def _once(fail_execution: Callable[..., None]) -> Callable[..., None]:
    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        # An execution ends once: what its threads run into after a stop is no failure.
        if execution["status"] == "RUNNING":
            fail_execution(execution, error, cause)

    return fail


def _releasing(stop_execution: Callable[..., Any]) -> Callable[..., Any]:
    def stop(data: dict[str, Any]) -> Any:
        answer = stop_execution(data)
        _release(str(data.get("executionArn")))
        return answer

    return stop


def _sleep(seconds: float) -> None:
    if stop_event().wait(max(0.0, seconds)):
        raise ExecutionStopped


def _is_no_stop(record: logging.LogRecord) -> bool:
    return not (record.exc_info and record.exc_info[0] is ExecutionStopped)


def _release(arn: str) -> None:
    stopped = _stops.get(arn)
    if stopped:
        stopped.set()


def _timer(sfn: Any, arn: str) -> threading.Timer | None:
    execution = sfn._executions.get(arn)
    machine = sfn._state_machines.get(execution["stateMachineArn"]) if execution else None
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    if not isinstance(seconds, int | float):
        return None
    context = contextvars.copy_context()
    timer = threading.Timer(seconds, context.run, args=(_time_out, sfn, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(sfn: Any, execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution["status"] = "TIMED_OUT"
    execution["stopDate"] = sfn.now_iso()
    sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    sfn._emit_execution_status_event(execution)
    _release(execution["executionArn"])
