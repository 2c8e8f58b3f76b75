"""Simulated nodes: each makes a sample every ten seconds, and posts, spools and drains as the pusher does."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from nightshift import pushing

TAKEN = 202
AT_ONCE = 60  # lines of one request
FAILED = (aiohttp.ClientError, TimeoutError)


@dataclass
class Fleet:
    """So many nodes, and what they have seen: sample times by node, and how each post went."""

    url: str
    master: str
    nodes: tuple[str, ...]
    line: str
    interval: float = 10.0
    up: bool = True
    made: set[tuple[str, str]] = field(default_factory=set)
    posts: list[tuple[float, float, int, int]] = field(default_factory=list)  # when, seconds, status, lines
    spooled: dict[str, list[str]] = field(default_factory=dict)

    async def run(self, seconds: float) -> None:
        """All nodes for a while, each on its own second of the beat."""
        timeout = aiohttp.ClientTimeout(total=10)  # the pusher's own
        connector = aiohttp.TCPConnector(limit=0, force_close=True)  # curl connects anew for each post
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            end = time.monotonic() + seconds
            async with asyncio.TaskGroup() as group:
                for number, node in enumerate(self.nodes):
                    offset = self.interval * number / len(self.nodes)
                    group.create_task(self._live(session, node, offset, end))

    async def drain(self, seconds: float) -> None:
        """No more samples: whatever is spooled is posted."""
        end = time.monotonic() + seconds
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while self.waiting and time.monotonic() < end:
                await asyncio.gather(
                    *(self._post_all(session, node) for node in self.nodes if self.spooled.get(node))
                )

    @property
    def waiting(self) -> int:
        """Samples that no request has brought yet."""
        return sum(len(lines) for lines in self.spooled.values())

    async def _live(self, session: aiohttp.ClientSession, node: str, offset: float, end: float) -> None:
        beat = time.monotonic() + offset
        while beat < end:
            await asyncio.sleep(max(0.0, beat - time.monotonic()))
            at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self.made.add((node, at.replace("Z", ".000Z")))
            self.spooled.setdefault(node, []).append(self.line.replace("@AT@", at))
            await self._post_all(session, node)
            beat += self.interval

    async def _post_all(self, session: aiohttp.ClientSession, node: str) -> None:
        """The oldest lines first; the first request that fails ends this beat's."""
        spool = self.spooled[node]
        while spool:
            lines = spool[:AT_ONCE]
            began = time.monotonic()
            status = await self._post(session, node, "".join(f"{line}\n" for line in lines).encode())
            self.posts.append((began, time.monotonic() - began, status, len(lines)))
            if status != TAKEN:
                return
            del spool[: len(lines)]

    async def _post(self, session: aiohttp.ClientSession, node: str, body: bytes) -> int:
        if not self.up:
            return 0
        message_id, timestamp = f"p-{uuid.uuid4()}", str(int(time.time()))
        mac = pushing.signature(pushing.node_key(self.master, node), message_id, timestamp, body)
        headers = {
            pushing.NODE: node,
            pushing.ID: message_id,
            pushing.TIMESTAMP: timestamp,
            pushing.SIGNATURE: mac,
            "content-type": "application/x-ndjson",
        }
        try:
            async with session.post(self.url, data=body, headers=headers) as answer:
                await answer.read()
                return answer.status
        except FAILED:
            return 0
