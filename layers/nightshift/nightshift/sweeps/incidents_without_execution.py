"""An open incident that no machine works on.

``open_incident`` may die between storing an incident and starting its execution; the event that an
execution failed may be lost. Found: open incidents older than a minute whose execution (its name is the
incident's id) does not exist, or has ended without closing them. Done: the execution is started (a name
runs once), or ``close_incident`` is handed the event that was lost, which gives back the lease and pages.
"""

from __future__ import annotations

from datetime import datetime

from nightshift import clock
from nightshift.aws import executions, functions
from nightshift.aws.stores import Stores
from nightshift.sweeps import MARGIN_SECONDS, Here

PERMISSIONS = (
    "dynamodb:GetItem",
    "dynamodb:Query",
    "lambda:InvokeFunction",
    "states:DescribeExecution",
    "states:StartExecution",
)


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Start what never began, close what has died; a sentence for each."""
    said = []
    before = clock.iso(now - clock.seconds(MARGIN_SECONDS))
    for listed in list(stores.incidents.listing("open", limit=1_000)):
        name = listed.incident_id
        if listed.opened_at >= before:
            continue
        execution = executions.describe(here.heal_state_machine_arn, name)
        # Read after the execution was: one that has just ended has closed its incident by now.
        if stores.incidents.get(name).state != "open":
            continue
        if execution is None and executions.start(here.heal_state_machine_arn, name, {"incident_id": name}):
            said.append(f"{name} had no execution; it is started")
        if execution and execution.status in executions.DEAD:
            functions.hand(here.close_incident_function, execution.ended(name, now))
            said.append(f"{name} is open, and its execution ended {execution.status}; close_incident is told")
    return said
