"""One SSH client of the benchmark in a process of its own: ``python -m bench.ssh_clients NAME SITE``.

It reads a JSON array a line, ``["cold", 100]``, does that, and answers with a line of JSON: the seconds by
the clock, the seconds of processor of this process and of the programs that it ran, and the bytes that this
process has grown by. SITE is a JSON file.
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.ssh_client import CREW, Client
from bench.ssh_others import Asyncssh, Libssh2, ParallelSSH

SECONDS = 120.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class OpenSSH(Client):
    """The reference: ``xargs -P32 ssh``, warm by ControlMaster."""

    def __init__(self, site: dict[str, Any], *settings: str) -> None:
        super().__init__(site)
        self._settings = settings

    def _each(self, hosts: list[str], *options: str) -> None:
        ssh = ["ssh", "-F", self.site["ssh_config"], *self._settings, *options, "{}", "true"]
        command = ["xargs", f"-P{CREW}", "-I{}", *ssh]
        subprocess.run(command, input="\n".join(hosts).encode(), check=True)

    def _cold(self, hosts: list[str]) -> None:
        self._each(hosts, "-oControlPath=none")

    def _warm_up(self, hosts: list[str]) -> None:
        masters = ["xargs", f"-P{CREW}", "-I{}", "ssh", "-F", self.site["ssh_config"], "-MNf", "{}"]
        subprocess.run(masters, input="\n".join(hosts).encode(), check=True, stdout=subprocess.DEVNULL)

    def _warm(self, hosts: list[str]) -> None:
        self._each(hosts)


class Nightshift(Client):
    """This project's layer, by exec or through the persistent shell.

    ``idle``: as if each connection had not been used for long, which must then show that it is there first.
    """

    def __init__(self, site: dict[str, Any], *, through_shell: bool = False, idle: bool = False) -> None:
        super().__init__(site)
        from nightshift_ssh.command import Command  # noqa: PLC0415 - each process loads its own client only
        from nightshift_ssh.login import Credentials  # noqa: PLC0415

        self._command = Command(("true",), through_shell=through_shell)
        self._idle = idle
        known = Path(site["known_hosts"]).read_text()
        self._credentials = Credentials(site["user"], Path(site["key"]).read_text(), known)
        self._pool = self._made()

    def _made(self) -> Any:
        from nightshift_ssh.login import Login  # noqa: PLC0415
        from nightshift_ssh.pool import Limits, Pool  # noqa: PLC0415

        limits = Limits(idle_seconds=3600, connect_seconds=30)
        if self._idle:
            limits = dataclasses.replace(limits, prove_seconds=0)
        return Pool(Login.of(self._credentials), limits)

    def _run(self, pool: Any, hosts: list[str]) -> None:
        from nightshift_ssh.fan_out import run_all  # noqa: PLC0415
        from nightshift_ssh.login import Address  # noqa: PLC0415

        rows = run_all(pool, [Address(host, self.site["port"]) for host in hosts], self._command, SECONDS)
        wrong = [row for row in rows if not (row.result and row.result.ok)]
        if wrong:
            raise RuntimeError(str(wrong[0]))

    def _cold(self, hosts: list[str]) -> None:
        pool = self._made()
        self._run(pool, hosts)
        pool.close()

    def _warm_up(self, hosts: list[str]) -> None:
        self._run(self._pool, hosts)

    def _warm(self, hosts: list[str]) -> None:
        self._run(self._pool, hosts)


CLIENTS: dict[str, Callable[[dict[str, Any]], Client]] = {
    "openssh": OpenSSH,
    "openssh_p256": lambda site: OpenSSH(site, "-oKexAlgorithms=ecdh-sha2-nistp256"),
    "nightshift": Nightshift,
    "nightshift_shell": functools.partial(Nightshift, through_shell=True),
    "nightshift_shell_idle": functools.partial(Nightshift, through_shell=True, idle=True),
    "asyncssh": Asyncssh,
    "ssh2-python": Libssh2,
    "parallel-ssh": ParallelSSH,
}


def _spent() -> float:
    """Seconds of processor: of this process, and of its children that ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def main() -> None:
    """Answer until the other side is done."""
    name, site_file = sys.argv[1:]
    site = json.loads(Path(site_file).read_text())
    client = CLIENTS[name](site)
    for line in sys.stdin:
        case, size, *rest = json.loads(line)
        resident, spent, began = _resident(), _spent(), time.perf_counter()
        client.do(case, site["hosts"][:size], *(rest or [0.0]))
        wall, spent = time.perf_counter() - began, _spent() - spent
        answer = {"wall_s": wall, "cpu_s": spent, "grown": _resident() - resident}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
