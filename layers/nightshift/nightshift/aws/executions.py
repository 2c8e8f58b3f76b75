"""Step Functions: start the heal machine once per incident, and answer its task tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nightshift import clock
from nightshift.aws.session import client

DEAD = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})


@dataclass(frozen=True)
class Execution:
    """How an execution stands: ``status`` as Step Functions writes it (RUNNING, FAILED, ...)."""

    status: str
    error: str = ""
    cause: str = ""

    def ended(self, name: str, now: datetime) -> dict[str, object]:
        """The event that Step Functions sends when an execution ends, for whoever did not get it."""
        return {
            "id": f"sweep-{name}",
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "time": clock.iso(now),
            "detail": {"name": name, "status": self.status, "error": self.error, "cause": self.cause},
        }


def describe(machine_arn: str, name: str) -> Execution | None:
    """The execution called ``name``; None when it was never started (or is so since a moment only)."""
    states = client("stepfunctions")
    arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    try:
        found = states.describe_execution(executionArn=arn)
    except states.exceptions.ExecutionDoesNotExist:
        return None
    return Execution(found["status"], found.get("error", ""), found.get("cause", ""))


def start(machine_arn: str, name: str, payload: Mapping[str, object]) -> bool:
    """Start an execution called ``name``; False when it was started before (a name runs once)."""
    states = client("stepfunctions")
    try:
        states.start_execution(stateMachineArn=machine_arn, name=name, input=json.dumps(payload))
    except states.exceptions.ExecutionAlreadyExists:
        return False
    return True


def answer(token: str, output: Mapping[str, object]) -> bool:
    """Answer a task token; False when nobody waits for it any more (answered, timed out or stopped)."""
    states = client("stepfunctions")
    try:
        states.send_task_success(taskToken=token, output=json.dumps(output))
    except (
        states.exceptions.TaskDoesNotExist,
        states.exceptions.TaskTimedOut,
        states.exceptions.InvalidToken,
    ):
        return False
    return True
