"""The way of the fleet's `aws.*` events to the cloud's default bus: in order, none lost."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 0.5
BATCH = 10


class EventBus:
    """Queues events and posts them to the cloud until it has taken them."""

    def __init__(self, cloud: str) -> None:
        self._url = f"{cloud}/_nightshift/aws-events"
        self._queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def put(self, source: str, kind: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        """Queue one event; set the state that it tells of before calling this."""
        self._queue.put_nowait(
            {
                "Source": source,
                "DetailType": kind,
                "Detail": dict(detail),
                "Resources": list(resources),
            }
        )

    async def run(self) -> None:
        """Post for ever; an unreachable cloud is tried again."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                batch = [await self._queue.get()]
                while not self._queue.empty() and len(batch) < BATCH:
                    batch.append(self._queue.get_nowait())
                taken = False
                while not taken:
                    taken = await self._post(session, batch)
                    await asyncio.sleep(0 if taken else RETRY_SECONDS)

    async def _post(self, session: aiohttp.ClientSession, batch: list[dict[str, Any]]) -> bool:
        try:
            async with session.post(self._url, json=batch) as answer:
                if answer.ok:
                    return True
                LOG.warning("the cloud answered %s to events", answer.status)
                # What it calls our mistake it will not take later either.
                return answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
        except (aiohttp.ClientError, TimeoutError) as error:
            LOG.info("events wait for the cloud: %s", error)
            return False
