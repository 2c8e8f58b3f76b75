"""The fronts of apps: one file, one kind of thing that sends requests to one of two groups. No registry.

A blue-green app names its front by its kind (a file's name here), its address, and what each of its groups is
called there. A module declares

- its docstring, the runbook: what it is, and how it is switched by hand;
- ``ADDRESS`` and ``TARGET``, the patterns of what it takes: nothing else is ever spoken to;
- ``READS`` and ``SWITCHES``, the IAM actions of its two calls; a test compares them with the template;
- ``serving(address)``, which target gets all requests now, and ``switch(address, target)``.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast


class Kind(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    ADDRESS: str
    TARGET: str
    READS: tuple[str, ...]
    SWITCHES: tuple[str, ...]

    def serving(self, address: str) -> str:
        """The one target that gets all requests now, read from the front itself.

        Raises Refused ``front.unreadable`` or ``front.ambiguous``.
        """
        ...

    def switch(self, address: str, target: str) -> None:
        """Send all requests to ``target`` from now on; it may be repeated."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every kind there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def load(name: str) -> Kind:
    """The kind called ``name``, one of ``names()``."""
    return cast(Kind, importlib.import_module(f"{__name__}.{name}"))
