"""The page behind an approval's link: the question with two buttons, or why it takes no answer."""

from __future__ import annotations

from html import escape
from typing import Any

from nightshift.deployment import Deployment
from nightshift.incident import Approval, Incident

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "x-robots-tag": "noindex, nofollow",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:38rem;margin:2rem auto;padding:0 1rem}"
    "dt{font-weight:600}dd{margin:0 0 .6rem}"
    "button,input{font:inherit;padding:.5rem 1rem;margin:.3rem .5rem .3rem 0}"
)


def question(subject: Incident | Deployment, asked: Approval) -> str:
    """What would be done, why, until when; answers go to the page's own address."""
    title, facts = (
        _of_deployment(subject) if isinstance(subject, Deployment) else _of_incident(subject, asked)
    )
    told = {**facts, "Why": asked.reason, "Answer by": asked.expires_at}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in told.items())
    form = (
        '<form method="post"><label>Your name <input name="by" maxlength="60" required></label><br>'
        '<label>Why <input name="why" maxlength="500" required></label><br>'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="deny">Deny</button></form>'
    )
    return _page(title, f"<dl>{rows}</dl>{form}")


def _of_incident(incident: Incident, asked: Approval) -> tuple[str, dict[str, str]]:
    tried = "; ".join(f"level {one.level} {one.remedy}: {one.outcome}" for one in incident.levels)
    return f"May {asked.remedy} run (level {asked.level})?", {
        "Incident": incident.incident_id,
        "Node": f"{incident.node_id} of {incident.group or 'no group'}",
        "Symptom": f"{incident.symptom}, since {incident.opened_at}",
        "Tried": tried or "nothing",
    }


def _of_deployment(deployment: Deployment) -> tuple[str, dict[str, str]]:
    return f"May {deployment.app} be deployed to {deployment.group}?", {
        "Deployment": deployment.deployment_id,
        "Commit": f"{deployment.commit} by {deployment.author or '-'}",
        "Message": deployment.message,
    }


def message(title: str, text: str) -> str:
    """A page that only says something."""
    return _page(title, f"<p>{escape(text)}</p>")


def answer(status: int, page: str) -> dict[str, Any]:
    """The page as an HTTP API takes it; nobody stores, indexes, frames or refers to it."""
    return {"statusCode": status, "headers": HEADERS, "body": page}


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{STYLE}</style><h1>{escape(title)}</h1>{body}</html>"
    )
