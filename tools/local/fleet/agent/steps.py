"""Runs the steps of a document, each as a real shell process with a real timeout."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

PLATFORM = "MacOS" if sys.platform == "darwin" else "Linux"
KEPT_BYTES = 32_000
LEFT_BEHIND_SECONDS = 0.5
KILLED = 137  # as a shell tells of SIGKILL


@dataclass
class StepResult:
    """One step as it ran; times are epoch seconds."""

    name: str
    status: str = "Pending"
    code: int = -1
    stdout: str = ""
    stderr: str = ""
    started: float | None = None
    ended: float | None = None

    def report(self) -> dict[str, Any]:
        """As it is sent to the fleet server."""
        return asdict(self)


async def run_step(step: Mapping[str, Any], environment: Mapping[str, str], directory: Path) -> StepResult:
    """Run one step to its end, its timeout, or until this task is cancelled.

    Args:
        step: name, script, timeout (seconds), environment, precondition, directory.
        environment: of the node; the step's own variables are added.
        directory: where it runs unless the step names another.
    """
    result = StepResult(step["name"], started=time.time())
    if not _applies(step.get("precondition") or {}):
        result.status, result.code, result.ended = "Success", 0, time.time()
        result.stdout = "Step execution skipped due to unsatisfied preconditions."
        return result
    # Pipes of our own: asyncio's wait for theirs to close, which a daemon left behind can hold.
    async with _Output() as stdout, _Output() as stderr:
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            step["script"],
            env={**environment, **step["environment"]},
            cwd=step.get("directory") or directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout.write_end,
            stderr=stderr.write_end,
            start_new_session=True,
        )
        try:
            result.code = await asyncio.wait_for(process.wait(), step["timeout"])
            result.status = "Success" if result.code == 0 else "Failed"
        except TimeoutError:
            _kill_group(process.pid)
            result.status, result.code = "TimedOut", KILLED
        except asyncio.CancelledError:
            _kill_group(process.pid)
            result.status, result.code = "Cancelled", KILLED
        result.stdout, result.stderr = await stdout.text(), await stderr.text()
    result.ended = time.time()
    return result


def _applies(precondition: Mapping[str, Any]) -> bool:
    """Whether `StringEquals: [platformType, X]` holds here; any other condition does not."""
    if not precondition:
        return True
    pair = precondition.get("StringEquals", [])
    return sorted(pair) == sorted(["platformType", PLATFORM])


class _Output:
    """A pipe that a step writes to; the beginning is kept, the rest is read and dropped."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self._kept = bytearray()

    async def __aenter__(self) -> Self:
        stream = asyncio.StreamReader()
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(self._read_end, "rb", 0)
        )
        self._reading = asyncio.create_task(self._read(stream))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reading.cancel()
        self._transport.close()
        self._close_write_end()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(8192):
            self._kept += chunk[: max(KEPT_BYTES - len(self._kept), 0)]

    def _close_write_end(self) -> None:
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    async def text(self) -> str:
        """What was printed, once the step is over; not waiting for those it left behind."""
        self._close_write_end()
        await asyncio.wait([self._reading], timeout=LEFT_BEHIND_SECONDS)
        return self._kept.decode(errors="replace")


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
