"""Tell the commit's own home what became of it: a status and a deployment record at GitHub or GitLab."""

from __future__ import annotations

from typing import Any, Literal

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

import nightshift_forge
from nightshift import envelopes
from nightshift.aws import secrets
from nightshift.aws.stores import Stores
from nightshift.deployment import Deployment, State
from nightshift.entry import entry
from nightshift.policy_apps import App
from nightshift.settings import Settings

logger = Logger()
#: How a state of ours is told; what was stopped is neither good nor bad.
STATES: dict[State, Literal["pending", "running", "success", "failure", "stopped"]] = {
    "Created": "pending",
    "Queued": "pending",
    "InProgress": "running",
    "Baking": "running",
    "Succeeded": "success",
    "Failed": "failure",
    "Stopped": "stopped",
}


class Environment(Settings):
    """The deployments, the policy, and below what name tokens stand."""

    deployments_table: str
    journal_table: str
    policies_table: str
    git_secrets: str


class Happened(BaseModel):
    """Something happened to this deployment."""

    deployment_id: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Tell how it stands now, whatever happened: events come in any order. No deployment waits for this."""
    deployment_id = envelopes.detail(Happened, event).deployment_id
    stores = Stores.of(Environment)
    deployment = stores.deployments.get(deployment_id)
    _, policy = stores.policies.current()
    app = policy.apps.get(deployment.app)
    # A node that catches up changes nothing about where the commit is.
    concerns = deployment.commit and deployment.kind != "converge"
    told = tell(deployment, app) if app and concerns else ""
    logger.info("marked", deployment_id=deployment_id, told=told)
    return {"deployment_id": deployment_id, "told": told}


def tell(deployment: Deployment, app: App) -> str:
    """What was told; raises Retryable ``forge.unreachable`` or Permanent ``forge.refused``."""
    status = app.commit_status
    if status is None:
        return ""
    mark = nightshift_forge.Mark(
        project=app.project,
        commit=deployment.commit,
        context=f"nightshift/{deployment.group}",
        environment=deployment.group,
        deployment_id=deployment.deployment_id,
        state=STATES[deployment.state],
        description=f"{deployment.state}: {deployment.reason}",
    )
    _, token = secrets.login(Environment.current().git_secrets, status.credentials)
    nightshift_forge.load(status.provider).mark(mark, token, status.url)
    return mark.state
