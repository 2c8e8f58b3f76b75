"""What each kind of channel makes of a page: within its limits, whatever a node printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block

from nightshift import channels, pages
from nightshift.channels import Target, pagerduty, slack, teams
from nightshift.errors import Permanent, Refused, Retryable
from nightshift.pages import Page
from tests.unit.facts import incident, node, tried

KEY = "0123456789abcdef0123456789abcdef"
PAGES = st.builds(
    Page,
    key=st.text(min_size=1, max_size=400),
    title=st.text(min_size=1, max_size=2_000),
    body=st.text(min_size=1, max_size=8_000) | st.text("<&>\n: a", min_size=1, max_size=8_000),
    severity=st.sampled_from(["critical", "error", "warning", "info"]),
    group=st.sampled_from(["", "web-prod"]),
    link=st.sampled_from(["", "https://console.example/x"]),
    answer=st.sampled_from(["", "https://approvals.example/" + "t" * 300]),
)


@dataclass
class Wire:
    """Takes everything and answers as it is told."""

    answer: bytes = b'{"ok": true, "channel": "C1", "ts": "1.5"}'
    posts: list[tuple[str, dict[str, Any], Mapping[str, str]]] = field(default_factory=list)
    published: list[tuple[str, str]] = field(default_factory=list)

    def post(
        self,
        url: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
        *,
        confidential: bool = True,
    ) -> bytes:
        self.posts.append((url, json.loads(json.dumps(body)), headers or {}))
        return self.answer

    def publish(self, subject: str, text: str) -> None:
        self.published.append((subject, text))


@given(page=PAGES)
def test_slack_takes_every_page(page: Page) -> None:
    """Slack's own library finds no block too long, and there are never more than 50."""
    blocks = slack.blocks(page)
    assert len(blocks) <= 50
    for block in Block.parse_all(blocks):
        assert block is not None
        block.validate_json()
    header, *rest = blocks
    assert len(str(header["text"]["text"])) <= 150  # type: ignore[index]
    for block in (one for one in rest if one["type"] == "section"):
        assert 0 < len(block["text"]["text"]) <= 3_000  # type: ignore[index]


@given(text=st.text("<>&@!#", max_size=200))
def test_slack_mentions_nobody_that_a_node_printed(text: str) -> None:
    """``<!channel>`` in a log line wakes no channel."""
    made = json.dumps(slack.blocks(Page("key", "title", f"Tried: {text}")))
    assert "<" not in made
    assert ">" not in made


@given(page=PAGES)
def test_pagerduty_takes_every_page(page: Page) -> None:
    """The key has at most 255 characters and stays one of its own, the summary 1,024."""
    event = pagerduty.triggered(page)
    assert 0 < len(str(event["dedup_key"])) <= 255
    assert len(event["payload"]["summary"]) <= 1_024  # type: ignore[index]
    assert event["payload"]["severity"] in {"critical", "error", "warning", "info"}  # type: ignore[index]
    assert event["payload"]["source"]  # type: ignore[index]
    assert len(json.dumps(event)) < 512 * 1_024


def test_long_keys_that_differ_at_their_end_stay_apart() -> None:
    """Cutting them would make two alerts one."""
    first, second = (pagerduty.dedup("k" * 300 + end) for end in "ab")
    assert first != second


@given(page=PAGES)
def test_teams_takes_every_page(page: Page) -> None:
    """At most 28 KB, and no text is read as markdown."""
    wire = Wire()
    teams.send(page, Target("https://teams.example/x"), wire)
    ((_, message, _),) = wire.posts
    assert len(json.dumps(message, ensure_ascii=False).encode()) < 28 * 1_024
    card = message["attachments"][0]["content"]
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}


@pytest.mark.parametrize("kind", channels.names())
def test_every_kind_of_channel_is_a_runbook_and_says_what_its_secret_holds(kind: str) -> None:
    """Adding one is adding one file; this finds it."""
    module = channels.load(kind)
    assert module.__doc__
    assert len(module.__doc__.splitlines()) > 2
    assert isinstance(module.WAKES, bool)
    assert "ecret" in module.__doc__ or not module.NEEDS


@pytest.mark.parametrize(
    ("kind", "secret"),
    [("slack", "xoxb-1"), ("slack", "nonsense"), ("pagerduty", "short"), ("teams", "nonsense")],
)
def test_a_secret_of_the_wrong_shape_is_refused_without_being_said(kind: str, secret: str) -> None:
    """A bot without a room, a key that is none; the text of the secret stands in no error."""
    with pytest.raises(Permanent) as unusable:
        channels.load(kind).send(Page("key", "title", "body"), Target(secret), Wire())
    assert unusable.value.code == "channel.unconfigured"
    assert secret not in str(unusable.value)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ('{"ok": false, "error": "invalid_auth"}', Permanent, "channel.refused"),
        ('{"ok": false, "error": "ratelimited"}', Retryable, "channel.failed"),
        ('{"ok": false, "error": "Nobody & everybody"}', Permanent, "channel.refused"),
        ("<html>", Retryable, "channel.failed"),
        ("{}", Retryable, "channel.failed"),
    ],
)
def test_slacks_no_is_heard_although_its_status_is_200(answer: str, kind: type, code: str) -> None:
    """A failure never looks like success."""
    with pytest.raises(kind) as failed:
        slack.send(Page("key", "title", "body"), Target("xoxb-1", room="C1"), Wire(answer.encode()))
    assert failed.value.code == code  # type: ignore[attr-defined]
    assert "Nobody" not in str(failed.value)


def test_a_webhook_of_slack_needs_no_room_and_knows_no_thread() -> None:
    """So nothing can be told to be over there."""
    wire, page = Wire(b"ok"), pages.compose(incident(levels=tried("restart_service")), node(), "in vain")
    target = Target("https://hooks.slack.example/services/x")
    assert slack.send(page, target, wire) == ""
    assert slack.resolve(page, "", target, wire) is False
    assert len(wire.posts) == 1


def test_an_unknown_kind_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(Refused) as unknown:
        channels.load("carrier_pigeon")
    assert unknown.value.code == "channel.unknown"
    assert "slack" in unknown.value.message
