"""Adding a front is adding one file: what else it needs, these tests ask for."""

from __future__ import annotations

import re

import pytest

from nightshift import fronts
from tests.stack import stack

NAMES = fronts.names()
#: Who asks where requests go, and who may send them elsewhere.
READERS, SWITCHERS = (
    ("plan_deployment", "switch_front", "close_deployment"),
    ("switch_front", "close_deployment"),
)


def test_there_are_fronts() -> None:
    """Found by their files alone."""
    assert "listener_rule" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_front_is_a_runbook_and_takes_its_own_addresses_only(name: str) -> None:
    """The docstring says how it is switched by hand; the patterns are closed at both ends."""
    kind = fronts.load(name)
    assert "By hand:" in (kind.__doc__ or "")
    for pattern in (kind.ADDRESS, kind.TARGET):
        assert (pattern[0], pattern[-1]) == ("^", "$")
        for strange in ("", "x", "http://169.254.169.254/"):
            assert not re.fullmatch(pattern, strange)


@pytest.mark.parametrize("name", NAMES)
def test_only_those_may_switch_a_front_who_do(name: str) -> None:
    """Everybody else may not even by mistake."""
    kind = fronts.load(name)
    for function, built in stack().functions.items():
        granted = {action for action, _ in built.grants()}
        assert (set(kind.READS) <= granted) == (function in READERS)
        assert bool(set(kind.SWITCHES) & granted) == (function in SWITCHERS)
