"""What a person hears of a deployment that did not go well: what happened, what was undone, what to do."""

from __future__ import annotations

from nightshift.deployment import Deployment
from nightshift.incident import Approval
from nightshift.pages import Page, question


def concerns(deployment: Deployment) -> bool:
    """Whether anybody must hear of its end: one notification, of what was undone or of what was not.

    What a person ordered and what went well tells nobody, nor does a node that is tried again.
    """
    if deployment.kind == "converge" and not deployment.last_attempt:
        return False
    if deployment.undoes:
        return deployment.is_over
    return deployment.state == "Failed" and not deployment.undone_by


def compose(deployment: Deployment) -> Page:
    """The one notification; it is a page when nodes are left as they should not be."""
    went_back = bool(deployment.undoes) and deployment.state == "Succeeded"
    needs = "was rolled back" if went_back else "needs you"
    lines = [
        f"What: {deployment.subject}: {deployment.state}, since {deployment.created_at}.",
        f"Commit: {deployment.commit[:12] or '-'} by {deployment.author or deployment.by or '-'}",
        f"Why: {deployment.reason}",
        *_nodes(deployment),
        f"Next: nightshift deployments {deployment.deployment_id}",
    ]
    return Page(
        deployment.deployment_id,
        f"[nightshift] {deployment.app} in {deployment.group} {needs}",
        "\n".join(lines),
        severity="warning" if went_back else "error",
        kind="deployment",
        app=deployment.app,
        group=deployment.group,
    )


def ask(deployment: Deployment, asked: Approval, link: str) -> Page:
    """The question whether a release may be deployed; every other gate has let it pass."""
    lines = [
        f"What: {deployment.app} {asked.remedy} to {deployment.group}, since {deployment.created_at}.",
        f"Commit: {deployment.commit[:12]} by {deployment.author or '-'}: {_first(deployment.message)}",
        f"Question: {asked.reason}",
        f"Answer by {asked.expires_at}; nothing is deployed meanwhile, and without an answer never.",
        f"Yes: nightshift approve {deployment.deployment_id}",
        f"No: nightshift deny {deployment.deployment_id} --why REASON",
    ]
    return Page(
        question(deployment.deployment_id, asked.remedy),
        f"[nightshift] may {deployment.app} {asked.remedy} be deployed to {deployment.group}?",
        "\n".join(lines),
        severity="warning",
        kind="approval",
        app=deployment.app,
        group=deployment.group,
        answer=link,
    )


def _first(message: str) -> str:
    return message.strip().partition("\n")[0][:200]


def _nodes(deployment: Deployment) -> list[str]:
    return [f"  {node}: {one.state} {one.detail[-200:]}" for node, one in sorted(deployment.nodes.items())]
