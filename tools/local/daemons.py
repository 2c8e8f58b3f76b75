"""Processes that outlive the command which starts them, recognised again by more than their number."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import psutil

from tools.local.fleet.processes import MARK as MACHINE_MARK

MARK = "NIGHTSHIFT_STACK"  # in the environment of what a stack starts: its state folder
TAIL_LINES = 15
# A pid is reused sooner or later; a process that began at another time is somebody else's.
SAME_START_SECONDS = 2.0


class DaemonFailed(Exception):
    """A daemon ended, or did not become ready; the message holds the end of its log."""


@dataclass(frozen=True)
class Daemon:
    """A started process: what it is called, its pid, when it began (epoch seconds), its Python module."""

    name: str
    pid: int
    created: float
    module: str

    def process(self) -> psutil.Process | None:
        """The live process, or None when it ended or its pid belongs to another process now."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < SAME_START_SECONDS
            words = process.cmdline()  # empty for an instant while the kernel swaps the program in
            named = not words or self.module in words
            if same and named and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def owns_its_number(self) -> bool:
        """Whether nobody else has the pid now: then a session of that number is ours, dead or not."""
        return self.process() is not None or not psutil.pid_exists(self.pid)


def start(name: str, module: str, arguments: list[str], environment: Mapping[str, str], log: Path) -> Daemon:
    """Start ``python -m module`` in a session of its own, with its output in ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process.returncode = 0  # it outlives us on purpose: no warning about a child left running
    return Daemon(name, process.pid, psutil.Process(process.pid).create_time(), module)


def wait_ready(daemon: Daemon, url: str, log: Path, seconds: float) -> None:
    """Wait until ``url`` answers 200; raises DaemonFailed when the process ends or time runs out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(url):
            return
        if daemon.process() is None:
            raise DaemonFailed(f"the {daemon.name} ended while starting; the end of {log}:\n{tail(log)}")
        time.sleep(0.05)
    raise DaemonFailed(
        f"the {daemon.name} was not ready after {seconds:.0f} s; the end of {log}:\n{tail(log)}"
    )


def answers(url: str, seconds: float = 1.0) -> bool:
    """Whether a GET of ``url`` gives status 200."""
    try:
        with urllib.request.urlopen(url, timeout=seconds) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError):
        return False


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


def end(processes: list[psutil.Process], patience: float) -> int:
    """Ask ``processes`` to end, and kill those that have not after ``patience`` seconds.

    Returns how many had to be killed.
    """
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(stubborn)


def left_behind(home: Path, sessions: set[int]) -> list[psutil.Process]:
    """Every live process that the stack in ``home`` started; never this process or its parents.

    ``sessions`` are the pids of its daemons, each of which led a session of its own.
    """
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [process for process in _belonging(home, sessions) if process.pid not in ours]


def _belonging(home: Path, sessions: set[int]) -> Iterator[psutil.Process]:
    machines, temporary = f"{home / 'machines'}{os.sep}", str(home / "tmp")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # gone meanwhile, or another user's
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            marks = process.environ()
            daemon = marks.get(MARK) == str(home) or marks.get("TMPDIR") == temporary
            on_node = marks.get(MACHINE_MARK, "").startswith(machines)
            member = os.getsid(process.pid) in sessions and any(
                "tools.local." in one for one in process.cmdline()
            )
            if daemon or on_node or member:
                yield process
