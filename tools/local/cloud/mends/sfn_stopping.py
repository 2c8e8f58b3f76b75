"""Executions that stop: the machine's own TimeoutSeconds holds, and a stopped execution does no more.

Upstream never ends an execution as TIMED_OUT, turns an aborted one into FAILED when its last task
ends, and lets a stopped execution go on waiting, retrying and invoking in its thread.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from typing import Any

from tools.local.cloud.config import CloudConfig


class ExecutionStopped(Exception):
    """Unwinds the thread of an execution that was stopped from outside."""


current: contextvars.ContextVar[str | None] = contextvars.ContextVar("execution_arn", default=None)
_stops: dict[str, threading.Event] = {}


def stop_event() -> threading.Event | None:
    """Set when the execution of this thread has been stopped; None outside an execution."""
    return _stops.get(current.get() or "")


def apply(_config: CloudConfig) -> None:
    """Wrap the run, the failure, the stop and the sleep of executions."""
    from ministack.services import stepfunctions as sfn

    run_execution = sfn._run_execution
    fail_execution = sfn._fail_execution
    stop_execution = sfn._stop_execution

    def run(arn: str) -> None:
        current.set(arn)
        _stops[arn] = threading.Event()
        execution = sfn._executions.get(arn)
        timer = _timer(sfn, execution) if execution else None
        try:
            run_execution(arn)
        finally:
            if timer:
                timer.cancel()
            _stops.pop(arn, None)

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        # An execution ends once: what its threads run into after a stop is no failure.
        if execution["status"] == "RUNNING":
            fail_execution(execution, error, cause)

    def stop(data: dict[str, Any]) -> Any:
        answer = stop_execution(data)
        _release(str(data.get("executionArn")))
        return answer

    def sleep(seconds: float) -> None:
        stopped = stop_event()
        if stopped is None:
            stopped = threading.Event()
        if stopped.wait(max(0.0, seconds * sfn._SFN_WAIT_SCALE)):
            raise ExecutionStopped

    sfn._run_execution = run
    sfn._fail_execution = fail
    sfn._stop_execution = stop
    sfn._scaled_sleep = sleep
    sfn.logger.addFilter(_is_no_stop)


def _is_no_stop(record: logging.LogRecord) -> bool:
    return not (record.exc_info and record.exc_info[0] is ExecutionStopped)


def _release(arn: str) -> None:
    stopped = _stops.get(arn)
    if stopped:
        stopped.set()


def _timer(sfn: Any, execution: dict[str, Any]) -> threading.Timer | None:
    machine = sfn._state_machines.get(execution["stateMachineArn"])
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
