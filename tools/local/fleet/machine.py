"""One node's machine: its supervisord, booted, watched and shut down."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from .layout import NodeFacts, lay_out, scrubbed_environment
from .ports import pick_ports
from .processes import end_processes

SHUTDOWN_SECONDS = 6.0


class Machine:
    """A supervisord with its children; a child process of the fleet."""

    def __init__(self, facts: NodeFacts, avoid_ports: Iterable[int] = ()) -> None:
        self.facts = facts
        self._avoid = avoid_ports
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def supervisor_pid(self) -> int | None:
        """The supervisord, or None when the machine is down."""
        return self._supervisor.pid if self._supervisor and self.is_up() else None

    def boot(self) -> None:
        """Write the node's files and start its supervisord, which starts the agent."""
        avoid = {*self._avoid, self.facts.port, self.facts.ssh_port}
        lay_out(self.facts, supervisor_port=pick_ports(1, avoid)[0])
        command = [sys.executable, "-m", "supervisor.supervisord"]
        self._supervisor = subprocess.Popen(
            [*command, "-n", "-c", str(self.facts.supervisor_conf)],
            cwd=self.facts.machine,
            env=scrubbed_environment(self.facts.machine),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def is_up(self) -> bool:
        """Whether the supervisord lives."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def shut_down(self) -> None:
        """End every process of the node, politely first, and remove its folders.

        Raises:
            TimeoutError: a process could not be ended.
        """
        if self._supervisor is not None and self.is_up():
            self._supervisor.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._supervisor.wait(SHUTDOWN_SECONDS)
        end_processes([self.facts.machine])
        if self._supervisor is not None:
            self._supervisor.wait(SHUTDOWN_SECONDS)
        remove_folder(self.facts.root)
        remove_folder(self.facts.machine)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all below, whatever modes it was left with."""
    with contextlib.suppress(FileNotFoundError):
        folder.chmod(0o700)
        for path, names, _ in os.walk(folder):
            for child in (Path(path, name) for name in names):
                if not child.is_symlink():
                    child.chmod(0o700)
        shutil.rmtree(folder)
