"""What looks like a secret is refused in a policy, with its place, and without being repeated."""

from __future__ import annotations

import pytest

from nightshift import policy, policy_secrets, remedies
from tests.samples import ROOT

HEX = "0123456789abcdef0123456789abcdef"
LITERAL = {
    "https://hooks.slack.com/services/T000/B000/XXXX": "a Slack webhook",
    "https://discord.com/api/webhooks/1/abc": "a Discord webhook",
    "https://acme.webhook.office.com/webhookb2/1": "a Teams webhook",
    "https://prod.example.logic.azure.com/workflows/1?sig=abcdef": "a URL with a sig",
    "https://pager.example/hook?token=abc": "a URL with a token",
    "https://ada:secret@pager.example/": "a URL with a password",
    "xoxb-123456789012-abcdef": "a Slack token",
    "AKIAIOSFODNN7EXAMPLE": "an AWS access key",
    "ghp_0123456789012345678901234567890123456": "a GitHub token",
    "glpat-01234567890123456789": "a GitLab token",
    "-----BEGIN OPENSSH PRIVATE KEY-----": "a private key",
    "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.x": "a signed token (JWT)",
}


@pytest.mark.parametrize("value", LITERAL)
def test_what_looks_like_a_secret_is_found_anywhere(value: str) -> None:
    """By its shape, whatever its key is called; the reason says what to do and never holds it."""
    ((place, reason),) = policy_secrets.literal({"a": [{"b": value}]})
    assert place == ("a", 0, "b")
    assert LITERAL[value] in reason
    assert "Secrets Manager" in reason
    assert value not in reason


@pytest.mark.parametrize("key", ["token", "bot_token", "password", "api_key", "routing_key", "private_key"])
def test_a_key_that_would_hold_a_secret_may_hold_nothing(key: str) -> None:
    """Whatever its value looks like."""
    assert list(policy_secrets.literal({key: "short"}))
    assert not list(policy_secrets.literal({key: ""}))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("acme", False),
        ("slack-on-call", False),
        ("pagerduty/web-production-2", False),
        ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:acme-AbCdEf", False),
        (HEX, True),
        ("Zk3x9Qw7Lm2Np8Rt5Vy1Bc4D", True),
        ("hunter 2", True),
    ],
)
@pytest.mark.parametrize("key", ["secret", "credentials", "slack_secret"])
def test_a_key_that_names_a_secret_holds_a_name(key: str, value: str, *, literal: bool) -> None:
    """What no person would call a secret is the secret."""
    assert bool(list(policy_secrets.literal({key: value}))) is literal


@pytest.mark.parametrize("path", ["nightshift.yaml", "tools/local/policy.yaml"])
def test_the_shipped_policies_hold_none(path: str) -> None:
    """Nor does what they say look like one."""
    assert policy.check((ROOT / path).read_text(), remedies.names())[1] == []


def test_a_secret_is_told_with_its_line_and_its_own_code() -> None:
    """Beside whatever else is wrong."""
    text = (ROOT / "nightshift.yaml").read_text()
    wrong = text.replace("webhooks: []", "webhooks: ['https://hooks.slack.com/services/T/B/X']")
    assert wrong != text
    (found,) = (one for one in policy.check(wrong, remedies.names())[1] if one.code == policy_secrets.CODE)
    assert found.path == "notify.webhooks.0"
    assert "webhooks" in wrong.splitlines()[found.line - 1]
