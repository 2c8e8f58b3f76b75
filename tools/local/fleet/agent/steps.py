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
from typing import Any

PLATFORM = "MacOS" if sys.platform == "darwin" else "Linux"
KEPT_BYTES = 32_000
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
    process = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        step["script"],
        env={**environment, **step["environment"]},
        cwd=step.get("directory") or directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    outputs = [asyncio.create_task(_read(one)) for one in (process.stdout, process.stderr) if one]
    try:
        result.code = await asyncio.wait_for(process.wait(), step["timeout"])
        result.status = "Success" if result.code == 0 else "Failed"
    except TimeoutError:
        _kill_group(process.pid)
        result.status, result.code = "TimedOut", KILLED
    except asyncio.CancelledError:
        _kill_group(process.pid)
        result.status, result.code = "Cancelled", KILLED
    result.stdout, result.stderr = await _collect(outputs)
    result.ended = time.time()
    return result


def _applies(precondition: Mapping[str, Any]) -> bool:
    """Whether `StringEquals: [platformType, X]` holds here; any other condition does not."""
    if not precondition:
        return True
    pair = precondition.get("StringEquals", [])
    return sorted(pair) == sorted(["platformType", PLATFORM])


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Everything a step prints; only the beginning is kept, the rest is read and dropped."""
    kept = bytearray()
    with contextlib.suppress(asyncio.CancelledError):
        while chunk := await stream.read(8192):
            kept += chunk[: max(KEPT_BYTES - len(kept), 0)]
    return bytes(kept)


async def _collect(outputs: list["asyncio.Task[bytes]"]) -> tuple[str, str]:
    # A daemon that the step left behind may hold the pipes open: do not wait for it.
    await asyncio.wait(outputs, timeout=1.0)
    for task in outputs:
        task.cancel()
    stdout, stderr = [(await task).decode(errors="replace") for task in outputs]
    return stdout, stderr


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
