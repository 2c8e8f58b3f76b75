"""A deployment that no machine works on: it would keep its group's turn and its leases for ever.

``start_deployment`` and ``close_deployment`` may die between storing a deployment and starting its execution;
the event that an execution failed may be lost. Found: deployments that are not over, older than a minute,
whose execution (its name is the deployment's id) does not exist or has ended. Done: the execution is started
(a name runs once), or ``close_deployment`` is handed the lost event, and rolls back what was touched.
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
NEWEST = 20  # deployments of a group that may still run: one runs, the others wait for their turn


def run(stores: Stores, here: Here, now: datetime) -> list[str]:
    """Start what never began, close what has died; a sentence for each."""
    said = []
    before = clock.iso(now - clock.seconds(MARGIN_SECONDS))
    _, policy = stores.policies.current()
    groups = sorted({group for app in policy.apps.values() for group in app.groups})
    for listed in [one for group in groups for one in stores.deployments.of_group(group, NEWEST)]:
        name, machine = listed.deployment_id, here.deploy_state_machine_arn
        if listed.is_over or listed.created_at >= before:
            continue
        execution = executions.describe(machine, name)
        # Read after the execution was: one that has just ended has closed its deployment by now.
        if stores.deployments.get(name).is_over:
            continue
        if execution is None and executions.start(machine, name, {"deployment_id": name}):
            said.append(f"{name} had no execution; it is started")
        if execution and execution.status in executions.DEAD:
            functions.hand(here.close_deployment_function, execution.ended(name, now))
            said.append(f"{name} runs, and its execution ended {execution.status}; close_deployment is told")
    return said
