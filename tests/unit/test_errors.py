from __future__ import annotations

import pytest

from nightshift.errors import Conflict, NightshiftError, Permanent, Refused, Retryable


@pytest.mark.parametrize(
    ("kind", "recoverable"), [(Retryable, True), (Conflict, True), (Permanent, False), (Refused, False)]
)
def test_an_error_says_whether_trying_again_can_help(
    kind: type[NightshiftError], *, recoverable: bool
) -> None:
    """The heal machine and the handlers retry by this flag."""
    assert kind("a.code", "why").recoverable is recoverable


def test_an_error_shows_its_code_and_keeps_its_context_as_text() -> None:
    """Logs and dead-letter queues show the code first; the context holds plain strings."""
    error = Refused("node.unknown", "nobody knows it", node="i-1", tries=3)
    assert str(error) == "node.unknown: nobody knows it"
    assert error.context == {"node": "i-1", "tries": "3"}
