"""Where a channel may lead: judged before a connection is opened."""

from __future__ import annotations

import http.client
from datetime import UTC, datetime
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
import time_machine

from nightshift.aws.line import Outside, _pause
from nightshift.errors import NightshiftError

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://169.254.169.254/latest/meta-data/", "channel.forbidden"),
        ("https://169.254.100.1:9001/2018-06-01/runtime/", "channel.forbidden"),
        ("https://[fe80::1]/", "channel.forbidden"),
        ("https://[::ffff:169.254.169.254]/", "channel.forbidden"),
        ("https://[fd00:ec2::254]/", "channel.forbidden"),
        ("https://127.0.0.1:9001/2018-06-01/runtime/", "channel.forbidden"),
        ("https://[::1]/", "channel.forbidden"),
        ("https://0.0.0.0/", "channel.forbidden"),
        ("http://192.0.2.1/secret", "channel.forbidden"),
        ("https://192.0.2.1:70000/", "channel.unconfigured"),
    ],
)
def test_an_address_that_must_not_be_spoken_to_is_refused(url: str, code: str) -> None:
    """The cloud's own, this machine's, and any that a secret would travel to unencrypted."""
    with pytest.raises(NightshiftError) as refused:
        Outside("arn:topic").post(url, {})
    assert refused.value.code == code
    assert "secret" not in refused.value.message or "a secret would" in refused.value.message


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [
        (429, "7", 7),
        (503, "0", 0),
        (429, format_datetime(NOW.replace(minute=1), usegmt=True), 60),
        (429, format_datetime(NOW.replace(hour=2), usegmt=True), 0),
        (429, "soon", None),
        (429, "-5", None),
        (429, "", None),
        (500, "7", None),
        (200, "7", None),
    ],
)
def test_a_pause_is_read_as_seconds_or_as_a_date(status: int, said: str, seconds: int | None) -> None:
    """What is neither asks for nothing."""
    headers = http.client.HTTPMessage()
    headers["retry-after"] = said
    with time_machine.travel(NOW, tick=False):
        assert _pause(SimpleNamespace(status=status, headers=headers)) == seconds  # type: ignore[arg-type]
