"""AWS says no on the wire, below the clients' own retries; and Lambda hands what failed on once more."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from botocore.exceptions import ClientError
from moto.core.botocore_stubber import BotocoreStubber

from nightshift.aws import session
from nightshift.errors import NightshiftError
from tests.functional.gate import Killed
from tests.functional.world import World

ASYNC_TRIES = 3  # of an event that Lambda was handed
ASYNC_PAUSE = 60  # seconds between two of them


@dataclass
class Wire:
    """``refused`` are the operations that DynamoDB refused; ``pauses`` the seconds that were slept."""

    refused: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)


@contextmanager
def refusing(
    world: World, code: str, says: Callable[[Wire, str], bool], reason: str = "TransactionConflict"
) -> Iterator[Wire]:
    """A handler's request to DynamoDB gets the error ``code`` whenever ``says`` says so; nobody sleeps.

    A cancelled transaction gives ``reason`` for each of its items.
    """
    wire, answered = Wire(), BotocoreStubber.process_request

    def on_wire(stubber: BotocoreStubber, request: Any) -> Any:
        target = _text(request.headers.get("X-Amz-Target", ""))
        service, _, operation = target.partition(".")
        if not world.function or not service.startswith("DynamoDB") or not says(wire, operation):
            return answered(stubber, request)
        wire.refused.append(operation)
        items = json.loads(_text(request.body)).get("TransactItems", ())
        said = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "refused for this test"}
        return 400, {}, json.dumps(said | {"CancellationReasons": [{"Code": reason} for _ in items]})

    session.client.cache_clear()  # a client that had to repeat much does so no more: each test has fresh ones
    with (
        patch.object(BotocoreStubber, "process_request", on_wire),
        patch("time.sleep", wire.pauses.append),
    ):
        yield wire
    session.client.cache_clear()


def times(count: int, operation: str = "") -> Callable[[Wire, str], bool]:
    """Each request (of one operation, if it is named) is refused so many times, and then taken."""
    streak = 0

    def says(_: Wire, asked: str) -> bool:
        nonlocal streak
        if operation and asked != operation:
            return False
        streak = 0 if streak == count else streak + 1
        return streak > 0

    return says


def at_first(world: World) -> Callable[[int, str], Callable[[Wire, str], bool]]:
    """Like ``times``, but of each function only the first requests are refused, one after the other."""

    def first(count: int, operation: str) -> Callable[[Wire, str], bool]:
        heard = Counter[str]()

        def says(_: Wire, asked: str) -> bool:
            heard[world.function] += asked == operation
            return asked == operation and heard[world.function] <= count

        return says

    return first


@contextmanager
def repeated(world: World) -> Iterator[None]:
    """Events are handed to their function as Lambda does: twice more when it failed and that may pass."""

    def hand(name: str, event: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(1, ASYNC_TRIES + 1):
            try:
                return world.invoke(name, event)
            except (Killed, ClientError, NightshiftError) as error:
                if attempt == ASYNC_TRIES or not getattr(error, "recoverable", True):
                    raise
            with patch.object(world, "function", ""):
                world.pass_time(ASYNC_PAUSE)
        raise AssertionError("unreachable: the loop returns or raises")

    with patch.object(world, "hand", hand):
        yield


def _text(raw: str | bytes) -> str:
    return raw.decode() if isinstance(raw, bytes) else raw
