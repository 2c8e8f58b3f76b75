"""Unit tests speak to nothing: a socket that is opened fails the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    disable_socket(allow_unix_socket=True)  # an event loop needs its own pair of them
    yield
    enable_socket()
