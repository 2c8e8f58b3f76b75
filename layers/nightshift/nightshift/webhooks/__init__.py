"""Who may tell us of a push: one file, one provider. No registry.

A provider module declares

- its docstring, the runbook: what it sends, how it signs, and where in its settings the secret stands;
- ``verify(request, secrets)``, which raises Refused ``webhook.forged`` unless the body was signed with one of
  ``secrets`` (the current one and the one before);
- ``read(request, now)``, the events that the body means; none for what does not concern us.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol, cast

from nightshift.errors import Refused
from nightshift.events import CodePushed


@dataclass(frozen=True)
class Delivery:
    """One request as it came: header names in lower case, the body's bytes, and their SHA-256."""

    headers: Mapping[str, str]
    body: bytes
    digest: str


class Provider(Protocol):
    """What every module in this package offers."""

    __doc__: str | None

    def verify(self, delivery: Delivery, secrets: tuple[str, ...]) -> None:
        """Raise Refused ``webhook.forged`` unless it was signed with one of ``secrets``."""
        ...

    def read(self, delivery: Delivery, now: datetime) -> tuple[CodePushed, ...]:
        """What it means to us; raises Refused ``webhook.unknown_shape``."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every provider there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Provider:
    """The provider called ``name``; raises Refused ``webhook.unknown_provider``."""
    if name not in names():
        raise Refused(
            "webhook.unknown_provider", f"there is no provider of that name; {', '.join(names())} are"
        )
    return cast(Provider, importlib.import_module(f"{__name__}.{name}"))
