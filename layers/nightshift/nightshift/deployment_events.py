"""What is told of a deployment on the bus: that it is planned, and how it ended."""

from __future__ import annotations

from nightshift.deployment import Deployment
from nightshift.events import (
    DeploymentEvent,
    DeploymentFailed,
    DeploymentStarted,
    DeploymentSucceeded,
    traceparent,
)


def started(deployment: Deployment, reason: str) -> DeploymentStarted:
    """Its first batch comes next; ``reason`` says how it was cut into batches."""
    return DeploymentStarted.model_validate(
        {
            **_of(deployment, "plan"),
            "occurred_at": deployment.planned_at or deployment.created_at,
            "reason": reason,
        }
    )


def ended(deployment: Deployment) -> DeploymentEvent:
    """Whether it succeeded; else which deployment takes it back, if one does."""
    told = {
        **_of(deployment, deployment.state),
        "occurred_at": deployment.closed_at or deployment.created_at,
        "reason": deployment.reason,
    }
    if deployment.state == "Succeeded":
        return DeploymentSucceeded.model_validate(told)
    return DeploymentFailed.model_validate({**told, "undone_by": deployment.undone_by})


def _of(deployment: Deployment, cause: str) -> dict[str, object]:
    return {
        "traceparent": traceparent(deployment.deployment_id, cause),
        "deployment_id": deployment.deployment_id,
        "app": deployment.app,
        "group": deployment.group,
        "release": deployment.release.version if deployment.release else "",
    }
