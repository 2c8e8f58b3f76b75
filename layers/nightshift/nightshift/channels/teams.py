"""Microsoft Teams: an Adaptive Card through a workflow ("Send webhook alerts to a channel").

The secret holds the workflow's address, with its signature. A message has at most 28 KB. Text stands in runs,
which know no markdown, so that a node's output formats nothing
(https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using).
"""

from __future__ import annotations

from nightshift.channels import Line, Target, cut, labelled
from nightshift.errors import Permanent
from nightshift.pages import Page

NEEDS = "the workflow's address"
WAKES = False
LINE, LINES, TEXT = 300, 40, 5_000  # together below a message's limit, also where characters take four bytes
COLOUR = {"critical": "Attention", "error": "Attention", "warning": "Warning", "info": "Accent"}


def send(page: Page, target: Target, line: Line) -> str:
    """One card."""
    if not target.secret.startswith(("https://", "http://")):
        raise Permanent("channel.unconfigured", "Teams needs a workflow's address")
    content = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card(page),
    }
    line.post(target.secret, {"type": "message", "attachments": [content]})
    return ""


def resolve(page: Page, receipt: str, target: Target, line: Line) -> bool:
    """A workflow's messages cannot be answered: another card would be a message more."""
    del page, receipt, target, line
    return False


def card(page: Page) -> dict[str, object]:
    """The page as an Adaptive Card: a heading, its lines, and a button that leads there."""
    heading = {"text": cut(page.title.removeprefix("[nightshift] "), LINE), "size": "Large"}
    body = [_text({**heading, "weight": "Bolder", "color": COLOUR[page.severity]})]
    for label, rest in list(labelled(cut(page.text, TEXT)))[:LINES]:
        runs = [{"text": f"{label}: ", "weight": "Bolder"}] if label else []
        body.append(_text(*runs, {"text": cut(rest, LINE)}))
    made: dict[str, object] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "msteams": {"width": "Full"},
    }
    if page.link:
        made["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": page.link}]
    return made


def _text(*runs: dict[str, str]) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}
