"""The switches of traffic: one file, one kind of thing that stands before a group. No registry.

A policy names a group's switch by its kind and its address (``traffic: { target_group: ARN }``); the kind is
a file's name. A group without one has nothing before it that could be switched: its nodes never drain.
A module declares

- its docstring, the runbook: what it is, and how a node is put back by hand;
- ``ADDRESS``, the pattern of the addresses that it takes: nothing else is ever spoken to;
- ``PERMISSIONS``, the IAM actions that it needs; a test compares them with the functions' policies;
- ``leave(address, nodes)`` and ``join(address, nodes)``, as ``ports.Traffic`` asks for them.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from nightshift.ports import Traffic, Unswitched

if TYPE_CHECKING:  # the policy asks for the kinds there are: at run time the import goes one way
    from nightshift.policy import Group


class Kind(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    ADDRESS: str
    PERMISSIONS: tuple[str, ...]

    def leave(self, address: str, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes no new request; those that still have old ones to answer."""
        ...

    def join(self, address: str, nodes: Sequence[str]) -> tuple[str, ...]:
        """Give these nodes requests again; those that are not found healthy there yet."""
        ...


@dataclass(frozen=True)
class _Switch:
    kind: Kind
    address: str

    def leave(self, nodes: Sequence[str]) -> tuple[str, ...]:
        return self.kind.leave(self.address, nodes) if nodes else ()

    def join(self, nodes: Sequence[str]) -> tuple[str, ...]:
        return self.kind.join(self.address, nodes) if nodes else ()


@cache
def names() -> tuple[str, ...]:
    """Every kind there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def load(name: str) -> Kind:
    """The kind called ``name``, one of ``names()``."""
    return cast(Kind, importlib.import_module(f"{__name__}.{name}"))


def of(group: Group) -> Traffic:
    """What a group's traffic is switched by, as its policy says."""
    return _Switch(load(group.traffic.kind), group.traffic.address) if group.traffic else Unswitched()
