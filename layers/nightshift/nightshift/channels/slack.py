"""Slack: one message in Block Kit; with a bot, a reply in its thread when it is over.

The secret holds an incoming webhook's address (https://hooks.slack.com/…; made in the app's settings), or a
bot's token (``xoxb-…``, scope ``chat:write``), which needs ``room``: the conversation's id, with the bot
invited. A webhook knows no threads, so that only a bot's messages are told to be over.
Limits: 150 characters of header, 3,000 of a section, 50 blocks
(https://docs.slack.dev/reference/block-kit/blocks).
"""

from __future__ import annotations

import json
import re

from nightshift.channels import Line, Target, cut, labelled
from nightshift.errors import Permanent, Retryable
from nightshift.pages import Page

NEEDS = "an incoming webhook's address or a bot's token"
WAKES = False
API = "https://slack.com/api"
HEADER, SECTION, FALLBACK = 150, 3_000, 4_000
SECTIONS = 20  # far below 50 blocks; a page is shorter
MARK = {"critical": ":rotating_light:", "error": ":red_circle:", "warning": ":warning:", "info": ":zzz:"}
#: What Slack says when the same call may work in a moment (https://docs.slack.dev/reference/methods/chat.postMessage).
PASSING = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "rate_limited", "request_timeout", "service_unavailable"}
)
_CODE = re.compile(r"[a-z_]{1,60}")


def send(page: Page, target: Target, line: Line) -> str:
    """One message; a bot's is known by ``conversation:ts`` afterwards."""
    message: dict[str, object] = {"text": cut(f"{page.title}\n{page.text}", FALLBACK), "blocks": blocks(page)}
    if target.secret.startswith(("https://", "http://")):
        line.post(target.secret, message)
        return ""
    return _post(target, line, message)


def resolve(page: Page, receipt: str, target: Target, line: Line) -> bool:
    """A reply in the message's thread."""
    if not receipt:
        return False
    _, _, thread = receipt.partition(":")
    _post(target, line, {"text": cut(f":white_check_mark: {page.text}", FALLBACK), "thread_ts": thread})
    return True


def blocks(page: Page) -> list[dict[str, object]]:
    """The page in Block Kit: a header, its lines, and a button that leads there."""
    title = f"{MARK[page.severity]} {page.title.removeprefix('[nightshift] ')}"
    made: list[dict[str, object]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, HEADER), "emoji": True}}
    ]
    made += [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in _sections(page)]
    if page.link:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": page.link}
        made.append({"type": "actions", "elements": [button]})
    context = {"type": "mrkdwn", "text": _plain(f"{page.severity} · {page.key}")}
    return [*made, {"type": "context", "elements": [context]}]


def _sections(page: Page) -> list[str]:
    """The lines, packed into as few sections as they fit in."""
    packed = [""]
    for label, rest in labelled(page.text):
        text = f"*{_plain(label)}:* {_plain(rest)}" if label else _plain(rest)
        text = cut(text, SECTION)
        joined = f"{packed[-1]}\n{text}" if packed[-1] else text
        if len(joined) <= SECTION:
            packed[-1] = joined
        else:
            packed.append(text)
    return [text for text in packed if text][:SECTIONS]


def _plain(text: str) -> str:
    """Without Slack's own signs, so that a node's output mentions nobody and links nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _post(target: Target, line: Line, message: dict[str, object]) -> str:
    if not target.secret.startswith("xox") or not target.room:
        raise Permanent(
            "channel.unconfigured", "Slack needs a webhook's address, or a bot's token and a `room`"
        )
    answer = line.post(
        f"{target.url or API}/chat.postMessage",
        {"channel": target.room, "unfurl_links": False, **message},
        {"authorization": f"Bearer {target.secret}"},
    )
    try:
        said = json.loads(answer)
        if said["ok"]:
            return f"{said['channel']}:{said['ts']}"
        reason = str(said["error"])
    except (ValueError, KeyError, TypeError) as error:
        raise Retryable("channel.failed", "Slack's answer cannot be read") from error
    shown = reason if _CODE.fullmatch(reason) else "an error"
    kind = Retryable if reason in PASSING else Permanent
    raise kind("channel.failed" if kind is Retryable else "channel.refused", f"Slack says {shown}")
