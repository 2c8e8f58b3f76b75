"""The few things that have a second implementation, as what is asked of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Traffic(Protocol):
    """What decides which nodes of a group get requests. Each call may be repeated, and never waits itself."""

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes no new request; those that still have old ones to answer."""
        ...

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes requests again; those that are not found healthy there yet."""
        ...


class Unswitched:
    """A group with nothing before it that could be switched."""

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Nothing has to drain."""
        del nodes
        return ()

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        """Nothing has to become healthy."""
        del nodes
        return ()
