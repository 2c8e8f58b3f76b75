"""Looks at the node once a second: does its service answer, what does it use."""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

import aiohttp

from tools.local.fleet.layout import NodeFacts
from tools.local.fleet.processes import group_in, leader_in
from tools.local.fleet.settings import CPU_BUDGET_CORES, DISK_QUOTA_BYTES

from .link import Link
from .usage import CpuMeter, bytes_below

INTERVAL_SECONDS = 1.0
ANSWER_SECONDS = 1.0


class Probe:
    """Takes samples and sends each at once."""

    def __init__(self, facts: NodeFacts, link: Link) -> None:
        self._facts = facts
        self._link = link
        self._cpu = CpuMeter(CPU_BUDGET_CORES)

    async def run(self) -> None:
        """Sample for ever, on the beat of the clock."""
        loop = asyncio.get_running_loop()
        next_beat = loop.time()
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            # A connection of its own each time, as any new caller would need one.
            connector=aiohttp.TCPConnector(force_close=True),
        ) as session:
            while True:
                sample = await self.sample(session)
                await self._link.try_post("/fleet/agent/sample", sample)
                next_beat = max(next_beat + INTERVAL_SECONDS, loop.time())
                await asyncio.sleep(next_beat - loop.time())

    async def sample(self, session: aiohttp.ClientSession) -> dict[str, Any]:
        """One sample.

        `metrics` holds ServiceUp (1 or 0; None before the first release), CPUUtilization and
        DiskUsedPercent (percent; None when it could not be measured). `health` says what the
        service answered, `at` is in epoch seconds.
        """
        at, pid = time.time(), leader_in(self._facts.service_pid_file)
        up, health = await self._ask(session)
        used = bytes_below(self._facts.root)
        installed = (self._facts.state / "installed").exists()
        return {
            "at": at,
            "pid": pid,
            "health": health,
            "metrics": {
                "ServiceUp": float(up) if installed else None,
                "CPUUtilization": self._cpu.read(group_in(self._facts.service_pid_file)),
                "DiskUsedPercent": None if used is None else min(100.0, 100.0 * used / DISK_QUOTA_BYTES),
            },
        }

    async def _ask(self, session: aiohttp.ClientSession) -> tuple[bool, str]:
        """Whether this node's own service is healthy, and what it said in a few words."""
        try:
            async with session.get(f"http://127.0.0.1:{self._facts.port}/health") as answer:
                text = (await answer.content.read(2000)).decode(errors="replace")
                body = json.loads(text)
        except ValueError:
            return False, "a stranger answers on the service's port"
        except (aiohttp.ClientError, TimeoutError) as error:
            return False, f"{type(error).__name__}: {error}"[:200]
        if not isinstance(body, dict) or body.get("node") != self._facts.id:
            return False, "a stranger answers on the service's port"
        if answer.status == HTTPStatus.OK:
            return True, f"serves {body.get('version')}"
        return False, f"{answer.status}: {body.get('reason')}"[:200]
