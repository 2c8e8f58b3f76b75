"""Threads that reach for the same thing at the same moment.

Moto is one process without a lock: each call is made whole here, as DynamoDB makes each request, and
the handlers' own code runs side by side.
"""

from __future__ import annotations

import importlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from nightshift.errors import Conflict
from tests.functional.world import BASE, World
from tests.stack import stack


def at_once(
    world: World, name: str, events: list[dict[str, Any]], meet: str = "TransactWriteItems"
) -> list[Any]:
    """Invoke a function with each of the events in a thread of its own; their answers, or their Conflicts.

    All of them have read what they decide by when the first one calls ``meet``.
    """
    barrier, whole, met = threading.Barrier(len(events), timeout=30), threading.Lock(), threading.local()
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def one_by_one(client: Any, operation: str, request: dict[str, Any]) -> Any:
        if operation == meet and not getattr(met, "already", False):
            met.already = True
            barrier.wait()
        with whole:
            return call(client, operation, request)

    def invoke(event: dict[str, Any]) -> Any:
        barrier.wait()
        try:
            return module.handler(event, world.context(name))
        except Conflict as lost:
            return lost

    module = importlib.import_module(f"functions.{name}.app")
    variables = {**BASE, **stack().functions[name].environment}
    with (
        patch.dict(os.environ, variables, clear=True),
        patch.object(BaseClient, "_make_api_call", one_by_one),
        patch.object(world, "function", name),
        ThreadPoolExecutor(len(events)) as threads,
    ):
        return list(threads.map(invoke, events))
