"""Faults are injected into the same worlds that the functional tests live in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.staging import made
from tests.functional.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """Two healthy nodes under a policy with short durations."""
    with made() as fresh:
        yield fresh
