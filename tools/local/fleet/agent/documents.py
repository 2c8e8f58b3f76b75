"""Takes commands from the fleet server and runs their documents on this node."""

import asyncio
import functools
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .link import Link
from .steps import StepResult, run_step

LOG = logging.getLogger(__name__)
AT_ONCE = 5  # commands, as the SSM agent's default


class DocumentRunner:
    """Runs commands side by side, the steps of each in order."""

    def __init__(self, link: Link, environment: Mapping[str, str], directory: Path) -> None:
        self._link = link
        self._environment = environment
        self._directory = directory
        self._room = asyncio.Semaphore(AT_ONCE)
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Take work for ever."""
        while True:
            answer = await self._link.next_work(list(self._running))
            for command in answer["cancel"]:
                if task := self._running.get(command):
                    task.cancel()
            for work in answer["work"]:
                command = work["command"]
                if command not in self._running:
                    task = asyncio.create_task(self._execute(command, work["steps"]))
                    self._running[command] = task
                    task.add_done_callback(functools.partial(self._forget, command))

    def _forget(self, command: str, _: "asyncio.Task[None]") -> None:
        self._running.pop(command, None)

    async def _execute(self, command: str, steps: list[dict[str, Any]]) -> None:
        async with self._room:
            results = [StepResult(step["name"]) for step in steps]
            await self._report(command, "InProgress", results)
            for index, step in enumerate(steps):
                LOG.info("command %s: step %s", command, step["name"])
                try:
                    results[index] = await run_step(step, self._environment, self._directory)
                except OSError as error:
                    results[index] = StepResult(step["name"], "Failed", 1, stderr=str(error))
                if results[index].status != "Success" and step["on_failure"] != "successAndContinue":
                    break
            status = next((one.status for one in results if one.status != "Success"), "Success")
            await self._report(command, status, results)

    async def _report(self, command: str, status: str, results: list[StepResult]) -> None:
        await self._link.post(
            "/fleet/agent/report",
            {
                "command": command,
                "status": status,
                "details": "ExecutionTimedOut" if status == "TimedOut" else status,
                "plugins": [result.report() for result in results],
            },
        )
