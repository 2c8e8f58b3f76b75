"""Carries a person's answer to the function that decides whether it counts."""

from __future__ import annotations

import getpass
from typing import Any

from tools.cli.connection import Connection
from tools.cli.errors import CliError


def deploys(subject_id: str) -> bool:
    """Whether an id is a deployment's; otherwise it is an incident's."""
    return subject_id.startswith("dep-")


def watch(subject_id: str) -> str:
    """The command that shows what asks."""
    return f"nightshift {'deployments' if deploys(subject_id) else 'why'} {subject_id}"


def answer(connection: Connection, subject_id: str, decision: str, *, by: str, why: str) -> dict[str, Any]:
    """Approve or deny; raises CliError with the reason when the answer does not count."""
    request = {
        "deployment_id" if deploys(subject_id) else "incident_id": subject_id,
        "decision": decision,
        "by": by or getpass.getuser(),
        "why": why,
    }
    told = connection.ask("AnswerApprovalFunction", request, f"see it: {watch(subject_id)}")
    if not told["decided"]:
        raise CliError(f"{told['code']}: {told['reason']}", f"see what it waits for: {watch(subject_id)}")
    return told
