"""The paths under /_nightshift/ that are no AWS API: readiness, events of AWS services, warming."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from tools.local.cloud.scope import enter_scope, put_aws_events

PREFIX = "/_nightshift/"
_FIELDS = ("Source", "DetailType", "Detail")

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def handle(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one internal request."""
    route = (scope["method"], scope["path"])
    if route == ("GET", f"{PREFIX}ready"):
        await _answer(send, 200, {"ready": True})
    elif route == ("POST", f"{PREFIX}aws-events"):
        await _events(receive, send)
    elif route == ("POST", f"{PREFIX}warm"):
        await _answer(send, 200, {"warmed": await asyncio.to_thread(_warm)})
    else:
        await _answer(send, 404, {"error": f"no such internal path: {scope['path']}"})


async def _events(receive: Receive, send: Send) -> None:
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    try:
        entries = _entries(json.loads(body))
    except ValueError as error:
        await _answer(send, 400, {"error": str(error)})
        return
    failed = await asyncio.to_thread(put_aws_events, entries)
    await _answer(send, 200, {"FailedEntryCount": failed})


def _entries(given: Any) -> list[dict[str, Any]]:
    for entry in given if isinstance(given, list) else [given]:
        if not isinstance(entry, dict) or not all(entry.get(field) for field in _FIELDS):
            raise ValueError(f"an entry needs {', '.join(_FIELDS)}")
        if not str(entry["Source"]).startswith("aws.") or not isinstance(entry["Detail"], dict):
            raise ValueError("Source must begin with aws. and Detail must be an object")
    return list(given)


def _warm() -> int:
    """Start one worker for each function that has none, two at a time, and return how many."""
    from concurrent.futures import ThreadPoolExecutor

    from ministack.services import lambda_svc

    enter_scope()
    functions = list(lambda_svc._functions.values())
    with ThreadPoolExecutor(max_workers=2) as pool:
        return sum(pool.map(_warm_one, functions))


def _warm_one(function: dict[str, Any]) -> int:
    from ministack.core import lambda_runtime

    enter_scope()
    settings = function["config"]
    worker, how = lambda_runtime.acquire_worker(
        settings["FunctionName"], settings, function["code_zip"], qualifier="$LATEST"
    )
    try:
        if how == "spawn":
            lambda_runtime.ensure_spawned(worker)
        return int(how == "spawn")
    except Exception:  # noqa: BLE001 - the boundary: a function that cannot start says so when it is invoked
        return 0
    finally:
        lambda_runtime.release_worker(worker)


async def _answer(send: Send, status: int, body: dict[str, Any]) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
