"""What a person hears of a deployment: it waits for them, began, went well, or did not and was undone."""

from __future__ import annotations

from collections.abc import Collection

from nightshift import stages
from nightshift.deployment import Deployment, Touched
from nightshift.incident import Approval
from nightshift.pages import Page, question

#: Nodes that are told one by one, and how much of each one's output.
NODES, OUTPUT = 10, 600


def concerns(deployment: Deployment, happened: str, announce: Collection[str]) -> bool:
    """Whether anybody must hear of the event ``happened``: one notification of what was undone, or was not.

    That it began or went well is told where the app's ``announce`` wants it; what was stopped tells nobody,
    nor does a node that is tried again.
    """
    if deployment.kind == "converge":
        return deployment.last_attempt and deployment.state == "Failed" and not deployment.undone_by
    if happened == "DeploymentStarted":
        return "started" in announce and not deployment.is_over
    if deployment.undoes or (deployment.crossing and deployment.crossing.back_at):
        return deployment.is_over
    if deployment.state == "Succeeded":
        return "succeeded" in announce
    return deployment.state == "Failed" and not deployment.undone_by


def compose(deployment: Deployment, undone: Deployment | None = None) -> Page:
    """What is told of it now; a page when nodes are left as they should not be.

    ``undone`` is the deployment that a rollback took back: what failed there is what a person wants to read.
    """
    failing = undone or deployment
    lines = [
        f"What: {deployment.subject}: {deployment.state}, since {deployment.created_at}.",
        f"Commit: {_commit(failing)}",
        f"Why: {deployment.reason}",
        *_took(failing),
        *([f"Way back: {deployment.deployment_id}, for {undone.deployment_id}"] if undone else []),
        *(_took(deployment) if undone else []),
        *_nodes(failing),
        *(_nodes(deployment) if undone and deployment.state != "Succeeded" else []),
        f"Next: nightshift deployments {deployment.deployment_id}",
    ]
    began = "" if deployment.is_over else "-started"
    return Page(
        f"{deployment.deployment_id}{began}",
        f"[nightshift] {deployment.app} in {deployment.group} {_headline(deployment)}",
        "\n".join(lines),
        severity=_severity(deployment),
        kind="deployment",
        app=deployment.app,
        group=deployment.group,
    )


def _severity(deployment: Deployment) -> str:
    if deployment.is_over and deployment.state != "Succeeded":
        return "warning" if _spared(deployment) else "error"
    return "warning" if deployment.undoes else "info"


def _headline(deployment: Deployment) -> str:
    if not deployment.is_over:
        return "is being deployed"
    if deployment.state != "Succeeded" and _spared(deployment):
        return (
            "was switched back"
            if deployment.crossing and deployment.crossing.back_at
            else "was not switched to"
        )
    if deployment.state != "Succeeded":
        return "needs you"
    return "was rolled back" if deployment.undoes else "was deployed"


def _spared(deployment: Deployment) -> bool:
    """Whether it failed where nobody's requests go, or no more."""
    return bool(deployment.nodes and deployment.crossing and deployment.crossing.is_home)


def _commit(deployment: Deployment) -> str:
    who = deployment.author or deployment.by or "-"
    said = _first(deployment.message)
    return f"{deployment.commit[:12] or '-'} by {who}" + (f": {said}" if said else "")


def _took(deployment: Deployment) -> list[str]:
    told = [f"{one.name} {one.seconds} s" for one in stages.of(deployment)]
    return [f"Took: {', '.join(told)}"] if told else []


def ask(deployment: Deployment, asked: Approval, link: str) -> Page:
    """The question whether a release may be deployed; every other gate has let it pass."""
    lines = [
        f"What: {deployment.app} {asked.remedy} to {deployment.group}, since {deployment.created_at}.",
        f"Commit: {deployment.commit[:12]} by {deployment.author or '-'}: {_first(deployment.message)}",
        f"Question: {asked.reason}",
        f"Answer by {asked.expires_at}; nothing is deployed meanwhile, and without an answer never.",
        f"Yes: nightshift approve {deployment.deployment_id} --why REASON",
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
    """The nodes, failed ones first and with the end of what they printed."""
    found = sorted(deployment.nodes.items(), key=lambda item: (item[1].state != "Failed", item[0]))
    lines = [f"  {node}: {one.state}, {_tail(one)}".rstrip(", ") for node, one in found[:NODES]]
    return [*lines, *([f"  and {len(found) - NODES} more"] if len(found) > NODES else [])]


def _tail(node: Touched) -> str:
    if node.state != "Failed":
        return node.detail.strip().rpartition("\n")[2][:100]
    return node.detail.strip()[-OUTPUT:].replace("\n", "\n    ")
