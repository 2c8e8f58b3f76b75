"""The agent's connection to the fleet server: outbound only, tried again for ever."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any

import aiohttp

LOG = logging.getLogger(__name__)
RETRY_SECONDS = 1.0
POLL_SECONDS = 20.0


class Link:
    """Speaks for one node, with its token."""

    def __init__(self, fleet: str, token: str) -> None:
        self._fleet = fleet
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {token}"},
            timeout=aiohttp.ClientTimeout(total=POLL_SECONDS + 10),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, path: str, body: dict[str, Any]) -> None:
        """Post until the server has taken it. What it refuses for good (4xx) is dropped."""
        while True:
            try:
                async with self._session.post(f"{self._fleet}{path}", json=body) as answer:
                    if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                        return
            except (aiohttp.ClientError, TimeoutError) as error:
                LOG.info("the fleet server is away: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

    async def try_post(self, path: str, body: dict[str, Any]) -> None:
        """Post once: for what the next second makes stale."""
        try:
            async with self._session.post(f"{self._fleet}{path}", json=body):
                pass
        except (aiohttp.ClientError, TimeoutError) as error:
            LOG.info("the fleet server is away: %s", error)

    async def next_work(self, taken: list[str]) -> dict[str, Any]:
        """Wait for work: `{"work": [{"command", "steps"}], "cancel": [command…]}`.

        Args:
            taken: commands that this agent already has.
        """
        parameters = [("wait", str(POLL_SECONDS)), *(("taken", one) for one in taken)]
        while True:
            try:
                async with self._session.get(f"{self._fleet}/fleet/agent/work", params=parameters) as answer:
                    if answer.status == HTTPStatus.OK:
                        return dict(await answer.json())
            except (aiohttp.ClientError, TimeoutError) as error:
                LOG.info("the fleet server is away: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
