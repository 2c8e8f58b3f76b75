"""A command ended, and the step that waits for it never heard of it.

Run Command's status event may be lost, and ``resume_step`` may fail until nobody delivers it again.
Found: steps whose command was sent two minutes ago or more and that nobody has concluded. Run Command is
asked again: a command that still runs is left alone. Done: ``resume_step`` is handed the event that was
lost, which concludes the step as ever; concluding twice records nothing and answers a token once.

A command that Run Command does not list on its node was not delivered in its time, and will not be.
A successor that never came up has no command: its step ends by its state's timeout.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock
from nightshift.aws import commands, functions
from nightshift.aws.stores import Stores
from nightshift.incident import Step
from nightshift.sweeps import Here

PERMISSIONS = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "lambda:InvokeFunction",
    "ssm:ListCommandInvocations",
)


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Tell ``resume_step`` of every command that ended unheard; a sentence for each."""
    said = []
    for step in stores.steps.overdue(now):
        status = commands.invocation(step.command_id, step.node_id).status
        if status not in commands.ENDED | {commands.UNKNOWN}:
            continue
        functions.hand(here.resume_step_function, _ended(step, status, now))
        said.append(f"{step.step_id}: its command {step.command_id} ended {status}; resume_step is told")
    return said


def _ended(step: Step, status: str, now: datetime) -> dict[str, object]:
    """The event that Systems Manager sends when a command ends."""
    return {
        "id": f"sweep-{step.command_id}",
        "source": "aws.ssm",
        "detail-type": "EC2 Command Status-change Notification",
        "time": clock.iso(now),
        "detail": {
            "command-id": step.command_id,
            "document-name": f"Nightshift-{step.remedy}",
            "status": "Undeliverable" if status == commands.UNKNOWN else status,
        },
    }
