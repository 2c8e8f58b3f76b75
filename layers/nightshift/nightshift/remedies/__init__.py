"""The remedies: one file, one healing action. The file's name is the remedy's name; there is no registry.

A remedy module declares

- its docstring, the runbook: what it does, when it helps, what it cannot do;
- ``STATE``, the state of the heal machine that performs it (``ApplyRemedy``, or ``ReplaceNode``);
- ``RISK`` (``low``, ``medium``, ``high``) and ``EXPECTED_SECONDS``, how long it usually takes;
- ``INTERRUPTS``, whether the service stops meanwhile: then the node is drained first;
- ``PERMISSIONS``, the IAM actions that it needs; a test compares them with the function's policy;
- ``DOCUMENT``, the SSM document that it runs (empty for a remedy that runs none), and
  ``parameters(target) -> dict`` with the document's own parameters.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, Protocol, cast

from nightshift.errors import Refused


@dataclass(frozen=True)
class Target:
    """Where a remedy acts: the node, its service, and the release that the group wants there.

    ``install`` is how a release is put onto the node, as its document is told.
    """

    node_id: str
    service: str
    version: str = ""
    url: str = ""
    sha256: str = ""
    install: Mapping[str, str] = field(default_factory=dict)


class Remedy(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    STATE: Literal["ApplyRemedy", "ReplaceNode"]
    RISK: Literal["low", "medium", "high"]
    EXPECTED_SECONDS: int
    INTERRUPTS: bool
    PERMISSIONS: tuple[str, ...]
    DOCUMENT: str

    def parameters(self, target: Target) -> dict[str, str]:
        """The document's parameters for ``target``, without the step's id and fence."""
        ...


@cache
def names() -> frozenset[str]:
    """Every remedy there is: the modules in this folder."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Remedy:
    """The remedy called ``name``; raises Refused ``remedy.unknown``."""
    if name not in names():
        raise Refused(
            "remedy.unknown", f"no remedy is called {name!r}; there are {', '.join(sorted(names()))}"
        )
    return cast(Remedy, importlib.import_module(f"{__name__}.{name}"))
