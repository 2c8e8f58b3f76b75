"""Adding a sweep is adding one file: what else it needs, these tests ask for."""

from __future__ import annotations

import pytest

from nightshift import sweeps
from tests.stack import stack

NAMES = sweeps.names()


def test_there_are_sweeps() -> None:
    """Found by their files alone."""
    assert set(NAMES) >= {
        "alarms_without_incident",
        "expired_leases",
        "incidents_without_execution",
        "inventory",
        "release_drift",
        "silent_steps",
        "storms",
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_sweep_is_a_runbook_and_a_search(name: str) -> None:
    """Its docstring says what may be lost and what is done."""
    found = sweeps.load(name)
    assert found.__doc__
    assert "Found:" in found.__doc__
    assert "Done:" in found.__doc__
    assert callable(found.run)


def test_what_sweeps_need_is_what_the_function_may() -> None:
    """Declared in the files, granted in the template: neither too little nor too much."""
    needed = {action for name in NAMES for action in sweeps.load(name).PERMISSIONS}
    assert needed == {action for action, _ in stack().functions["sweep"].grants()}
