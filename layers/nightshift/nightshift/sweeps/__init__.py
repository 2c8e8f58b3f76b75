"""The sweeps: one file, one search for what an event should have said and did not. No registry.

Events may be lost, and processes may die between two writes. Once a minute the function ``sweep`` runs
every module in this folder, each by itself. A sweep may run twice at the same moment: what it does is
named after what it found, or conditioned on it. A sweep module declares

- its docstring, the runbook: what may be lost, how it is found, what is done about it;
- ``PERMISSIONS``, the IAM actions that it needs; a test compares them with the function's policy;
- ``run(stores, here, now) -> list[str]``, the sentences of what it found and did.
"""

from __future__ import annotations

import importlib
import pkgutil
from datetime import datetime
from functools import cache
from typing import Protocol, cast

from nightshift.aws.stores import Stores
from nightshift.settings import Settings

MARGIN_SECONDS = 60  # what is younger may still be on its way


class Here(Settings):
    """What sweeps are told of their stack: tables, bus, machine, and the functions that finish work."""

    bus_name: str
    incidents_table: str
    journal_table: str
    nodes_table: str
    groups_table: str
    policies_table: str
    steps_table: str
    alarm_prefix: str
    heal_state_machine_arn: str
    close_incident_function: str
    resume_step_function: str
    retire_node_function: str
    welcome_queue_url: str
    inspections_table: str
    collect_metrics_function: str
    deployments_table: str
    deploy_state_machine_arn: str
    close_deployment_function: str
    deliveries_table: str
    notify_function: str
    releases_table: str


class Sweep(Protocol):
    """What every module in this package offers."""

    __doc__: str | None
    PERMISSIONS: tuple[str, ...]

    def run(self, stores: Stores, here: Here, now: datetime) -> list[str]:
        """Search once; the sentences of what was found and done."""
        ...


@cache
def names() -> tuple[str, ...]:
    """Every sweep there is, in order: the modules in this folder."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def load(name: str) -> Sweep:
    """The sweep called ``name``, one of ``names()``."""
    return cast(Sweep, importlib.import_module(f"{__name__}.{name}"))
