"""Machines without an agent: an SSH server each, and nothing that Run Command or Auto Scaling knows of."""

import subprocess
import sys
from pathlib import Path

from .keys import ensure_host_key
from .layout import REPOSITORY, scrubbed_environment
from .machine import remove_folder
from .processes import end_processes
from .settings import HOST

NAMES = ("depot-1", "depot-2")


class PlainMachine:
    """One of them: `home/plain/NAME`, listening on its port until it is stopped."""

    def __init__(self, home: Path, name: str, port: int) -> None:
        self.folder = home / "plain" / name
        self.port = port
        self._keys = home / "run" / "ssh_key.pub"
        self._process: subprocess.Popen[bytes] | None = None

    def boot(self) -> str:
        """Start it; answers its line of known_hosts."""
        (self.folder / "tmp").mkdir(parents=True)
        host_key = self.folder / "ssh_host_ed25519_key"
        public = ensure_host_key(host_key)
        command = [sys.executable, "-m", "tools.local.fleet.agent.plain"]
        with (self.folder / "sshd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, str(self.folder), str(self.port), str(self._keys), str(host_key)],
                cwd=REPOSITORY,
                env=scrubbed_environment(self.folder) | {"PYTHONPATH": str(REPOSITORY)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return f"[{HOST}]:{self.port} {' '.join(public.split()[:2])}"

    def shut_down(self) -> None:
        """End it with everything that runs on it, and remove its folder."""
        end_processes([self.folder])
        if self._process is not None:
            self._process.wait()
        remove_folder(self.folder)
