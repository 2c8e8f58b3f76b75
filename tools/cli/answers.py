"""Carries a person's answer to the function that decides whether it counts."""

from __future__ import annotations

import getpass
import json
from typing import Any

from tools.cli.connection import Connection
from tools.cli.errors import CliError


def answer(connection: Connection, incident_id: str, decision: str, *, by: str, why: str) -> dict[str, Any]:
    """Approve or deny; raises CliError with the reason when the answer does not count."""
    request = {
        "incident_id": incident_id,
        "decision": decision,
        "by": by or getpass.getuser(),
        "why": why,
    }
    answered = connection.client("lambda").invoke(
        FunctionName=connection.output("AnswerApprovalFunction"), Payload=json.dumps(request).encode()
    )
    told: dict[str, Any] = json.loads(answered["Payload"].read())
    if "FunctionError" in answered:
        raise CliError(str(told.get("errorMessage", told)), f"see the incident: nightshift why {incident_id}")
    if not told["decided"]:
        raise CliError(
            f"{told['code']}: {told['reason']}", f"see what it waits for: nightshift why {incident_id}"
        )
    return told
