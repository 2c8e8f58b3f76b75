"""The targets of deployments: one file, one kind of thing that releases are brought to. No registry.

A group's ``target`` in the policy is a file's name. A module declares

- its docstring, the runbook: what a unit is there, and how it is brought a release by hand;
- ``PERMISSIONS``, the IAM actions that each function needs for it; a test compares them with the template;
- ``over(stores) -> ports.Target``, which plan_deployment, deploy_batch and advance_deployment ask.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from nightshift.ports import Target

if TYPE_CHECKING:  # the policy asks for the targets there are: at run time the import goes one way
    from nightshift.aws.stores import Stores
    from nightshift.policy import Group


class Kind(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    PERMISSIONS: Mapping[str, tuple[str, ...]]

    def over(self, stores: Stores) -> Target:
        """The target, with the tables that it may read."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every target there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Kind:
    """The target called ``name``, one of ``names()``."""
    return cast(Kind, importlib.import_module(f"{__name__}.{name}"))


def of(group: Group, stores: Stores) -> Target:
    """What a group's releases are brought to, as its policy says."""
    return load(group.target).over(stores)
