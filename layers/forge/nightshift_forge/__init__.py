"""Where commits live: tells GitHub or GitLab what became of one. One file, one provider; no registry.

A provider module declares ``mark(mark, token, url)``, which may be repeated: what is told already is not told
twice. It raises Retryable ``forge.unreachable`` when the provider did not answer, is too busy or broken, and
Permanent ``forge.refused`` when it says no. Its own clients are imported here and nowhere else.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Literal, Protocol, cast

from nightshift.errors import NightshiftError, Permanent, Retryable

TIMEOUT = 5  # seconds for each answer; nobody waits for it, but the function's time is paid
BUSY = 429
BROKEN = 500


@dataclass(frozen=True)
class Mark:
    """What is told of ``commit`` in ``project`` (``acme/web``).

    ``context`` names the check in the list of a commit's checks, ``environment`` where the release goes to.
    """

    project: str
    commit: str
    context: str
    environment: str
    deployment_id: str
    state: Literal["pending", "running", "success", "failure", "stopped"]
    description: str


class Provider(Protocol):
    """What every module in this package offers."""

    __doc__: str | None

    def mark(self, mark: Mark, token: str, url: str) -> None:
        """Set the commit's status and its deployment record; an empty ``url`` is the public service's."""
        ...


def refused(provider: str, status: int | None, said: str) -> NightshiftError:
    """The error for what the provider answered; its words may help, and hold no token."""
    reason = f"{provider} answered {status}: {said}"[:500]
    if status is None or status == BUSY or status >= BROKEN:
        return Retryable("forge.unreachable", reason)
    return Permanent("forge.refused", reason)


@cache
def names() -> tuple[str, ...]:
    """Every provider there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Provider:
    """The provider called ``name``; raises Permanent ``forge.unknown_provider``."""
    if name not in names():
        raise Permanent("forge.unknown_provider", f"there is no {name}; there are {', '.join(names())}")
    return cast(Provider, importlib.import_module(f"{__name__}.{name}"))
