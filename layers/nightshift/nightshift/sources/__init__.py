"""Where a policy may be written: one file, one source. No registry.

Only ``adopt_policy`` reads them; what they say is merged by priority (``policy_layers``). A source module
declares

- its docstring, the runbook: where an operator writes it, and what it is good for;
- ``PRIORITY``: of two sources that say different things, the greater one has the last word;
- ``PERMISSIONS``, the IAM actions that it needs; a test compares them with the function's policy;
- ``read(here) -> str | None``, its text as YAML; None when there is none. It raises when that cannot be
  told: a source that does not answer is not one that says nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from nightshift.settings import Settings


class Here(Settings):
    """Where the sources of this stack are."""

    appconfig_application: str
    appconfig_environment: str
    appconfig_profile: str
    policy_parameter: str
    artifacts_bucket: str
    policy_key: str
    policy_environment: str


class PolicySource(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    PRIORITY: int
    PERMISSIONS: tuple[str, ...]

    def read(self, here: Here) -> str | None:
        """What stands there now."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every source there is, the highest priority first: the modules in this folder."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return tuple(sorted(found, key=lambda name: -load(name).PRIORITY))


def load(name: str) -> PolicySource:
    """The source called ``name``, one of ``names()``."""
    return cast(PolicySource, importlib.import_module(f"{__name__}.{name}"))


def texts(here: Here) -> list[tuple[str, str]]:
    """What every source says that is there, by its name, the highest priority first."""
    read = [(name, load(name).read(here)) for name in names()]
    return [(name, text) for name, text in read if text is not None]
