"""The ways to people: one file, one kind of channel. No registry.

A channel module declares

- its docstring, the runbook: where it is set up, what its secret holds, what its limits are;
- ``NEEDS``, what its secret holds, in words; empty for one that needs none and no entry in the policy;
- ``WAKES``, whether a message there rings at night: then it is never told what is only worth reading;
- ``send(page, target, line) -> str``, which raises when the page was not taken, and answers what must be
  known to speak of it again (a thread), or nothing;
- ``resolve(page, receipt, target, line) -> bool``, which says that what was paged is over; False where the
  channel has no way to say so without being a message more.

A module never opens a connection: ``line`` does, with the deadline, the guard and the retries of all.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast

from nightshift.errors import Refused
from nightshift.pages import Page


@dataclass(frozen=True)
class Target:
    """Where to: the secret's text, another service than the kind's usual one, and a room for bots."""

    secret: str = ""
    url: str = ""
    room: str = ""


class Line(Protocol):
    """What a channel speaks through."""

    def post(
        self,
        url: str,
        body: Mapping[str, object],
        headers: Mapping[str, str] | None = None,
        *,
        confidential: bool = True,
    ) -> bytes:
        """POST ``body`` as JSON; the answer's body when it was taken, else an error ``channel.*``.

        A ``confidential`` one travels encrypted only.
        """
        ...

    def publish(self, subject: str, text: str) -> None:
        """Publish to the stack's topic; raises Retryable ``topic.failed``."""
        ...


class Channel(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    NEEDS: str
    WAKES: bool

    def send(self, page: Page, target: Target, line: Line) -> str:
        """Send it once."""
        ...

    def resolve(self, page: Page, receipt: str, target: Target, line: Line) -> bool:
        """Say that it is over."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every kind of channel there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Channel:
    """The kind of channel called ``name``; raises Refused ``channel.unknown``."""
    if name not in names():
        raise Refused(
            "channel.unknown", f"there is no kind of channel {name!r}; there are {', '.join(names())}"
        )
    return cast(Channel, importlib.import_module(f"{__name__}.{name}"))


def cut(text: str, most: int) -> str:
    """``text`` with at most ``most`` characters, and a sign where something is missing."""
    return text if len(text) <= most else text[: most - 1] + "…"


def labelled(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a page as (label, rest), so that a channel can set labels apart; no label is empty."""
    for line in filter(None, text.splitlines()):
        label, colon, rest = line.partition(": ")
        yield (label, rest) if colon and label.replace(" ", "").isalpha() else ("", line)
