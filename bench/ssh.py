"""SSH fan-out beside OpenSSH, asyncssh, libssh2 and parallel-ssh: ``true`` on 1 to 200 hosts, cold and warm.

The servers are real sshd on 200 loopback addresses, sixteen each, and share this machine with the clients:
the ratios count, not the seconds. Clients take turns in random order, each in a process of its own; every
figure is the median of its turns, a ratio the median of its turns' own ratios to OpenSSH's. Warm connections
have just been used: a turn of each client comes first that does not count. OpenSSH is held to curve25519,
which the others use; Nightshift asks for P-256, which costs the servers less, so cold OpenSSH is there with
that too. The masters' own work is not in OpenSSH's figures for warm connections.
"""

from __future__ import annotations

import base64
import getpass
import json
import operator
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.ssh.servers import MISSING, SSHD, Site, Sshd

SIZES = (1, 10, 50, 100, 200)
TURNS = {1: 9, 10: 5, 50: 3, 100: 5, 200: 3}
OTHERS = ("asyncssh", "ssh2-python", "parallel-ssh")
COLD = ("openssh", "openssh_p256", "nightshift", *OTHERS)
WARM = ("openssh", "nightshift", "nightshift_shell", "nightshift_shell_idle", *OTHERS)
IDLE_SECONDS = 10.0
PATIENCE = 60.0  # not every client has a deadline of its own
MOST = max(SIZES)
LISTENS = 16  # an sshd has no more sockets than this
OUT = Path(__file__).parent / "out" / "ssh.json"
# What, of whom, at how many hosts, which figure, and the most that it should be.
TARGETS = (
    ("cold", "nightshift", 1, "ratio", 0.25),
    ("cold", "nightshift", 100, "ratio", 0.62),
    ("warm", "nightshift", 100, "ratio", 0.39),
    ("warm", "nightshift_shell", 100, "ratio", 0.06),
    ("cold", "nightshift", 100, "cpu_ms_per_host", 2.9),
    ("warm", "nightshift", 100, "cpu_ms_per_host", 0.75),
    ("idle", "nightshift", MOST, "core_percent", 0.5),
    ("idle", "nightshift", MOST, "kib_per_connection", 80.0),
)
CONFIG = """\
Host *
  Port {port}
  User {user}
  IdentityFile {key}
  IdentitiesOnly yes
  UserKnownHostsFile {known_hosts}
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  UpdateHostKeys no
  KexAlgorithms curve25519-sha256
  BatchMode yes
  LogLevel ERROR
  ControlPath {folder}/%h
"""
Row = dict[str, Any]


class Gone(RuntimeError):
    """A client answers no more."""


class Worker:
    """One client in its process."""

    def __init__(self, name: str, site_file: Path) -> None:
        command = [sys.executable, "-m", "bench.ssh_clients", name, str(site_file)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = name

    def ask(self, *request: object) -> dict[str, float]:
        """Have it do one thing, and hear what that took."""
        hung = threading.Timer(PATIENCE, self._process.kill)
        hung.start()
        line = self._talk(json.dumps(request) + "\n")
        hung.cancel()
        if not line:
            raise Gone(f"{self.name} ended at {request}, or took more than {PATIENCE:.0f} s")
        answer: dict[str, float] = json.loads(line)
        return answer

    def _talk(self, line: str) -> str:
        if self._process.stdin is None or self._process.stdout is None:
            return ""
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return self._process.stdout.readline()

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()


def main() -> int:
    """Measure everything, print the table and the targets, write it all as JSON."""
    console = Console(width=120)
    if SSHD is None:
        console.print(MISSING)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or 200 sshd and their clients would stay
    rows: list[Row] = []
    with _site() as site_file:
        for measured in (
            _idle(site_file),
            _interleaved("cold", COLD, site_file),
            _interleaved("warm", WARM, site_file),
        ):
            for row in measured:
                rows.append(row)
                console.print(_line(row))
    targets = [_judged(rows, *target) for target in TARGETS]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"name": "ssh", "rows": rows, "targets": targets}, indent=2) + "\n")
    console.print(_table("wall, seconds (ratio to OpenSSH), client's processor ms a host", rows))
    for target in targets:
        console.print(f"{'met   ' if target['met'] else 'MISSED'} {target['what']}: {target['is']}")
    console.print(f"written: {OUT}")
    return 0


@contextmanager
def _site() -> Iterator[Path]:
    """The sshd and the files that the clients read; ended and removed at the end."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        site = Site(folder)
        stack.callback(site.stop)
        server, hosts = _servers(site)
        (folder / "known_hosts").write_text("".join(one.known() for one in site.servers))
        facts = {
            "hosts": hosts,
            "sizes": SIZES,
            "port": server.port,
            "user": getpass.getuser(),
            "key": str(folder / "client"),
            "known_hosts": str(folder / "known_hosts"),
            "ssh_config": str(folder / "ssh_config"),
            "host_key": base64.b64decode(server.public_key.split()[1]).hex(),
        }
        (folder / "ssh_config").write_text(CONFIG.format(folder=folder, **facts))
        (folder / "site.json").write_text(json.dumps(facts))
        yield folder / "site.json"


def _servers(site: Site) -> tuple[Sshd, list[str]]:
    """One port and one host key on 200 addresses; the first server, and all addresses."""
    hosts = [f"127.0.2.{index}" for index in range(1, MOST + 1)]
    first = site.sshd(*hosts[:LISTENS])
    for start in range(LISTENS, MOST, LISTENS):
        site.sshd(*hosts[start : start + LISTENS], like=first)
    return first, hosts


def _idle(site_file: Path) -> Iterator[Row]:
    """What 200 connections cost that nobody uses: alone on the machine but for their servers."""
    with ExitStack() as stack:
        worker = Worker("nightshift", site_file)
        stack.callback(worker.close)
        worker.ask("warm_up", 1)  # what is loaded at the first connection belongs to no connection
        grown = worker.ask("warm_up", MOST)["grown"]
        idle = worker.ask("idle", MOST, IDLE_SECONDS)
    yield {
        "case": "idle",
        "n": MOST,
        "client": "nightshift",
        "wall_s": round(idle["wall_s"], 1),
        "cpu_ms_per_host": round(1000 * idle["cpu_s"] / MOST, 2),
        "ratio": None,  # nobody else is asked to do nothing
        "core_percent": round(100 * idle["cpu_s"] / idle["wall_s"], 3),
        "kib_per_connection": round(grown / 1024 / (MOST - 1), 1),
    }


def _interleaved(case: str, names: tuple[str, ...], site_file: Path) -> Iterator[Row]:
    with ExitStack() as stack:
        workers = [Worker(name, site_file) for name in names]
        for worker in workers:
            stack.callback(worker.close)
            worker.ask(*(("warm_up", MOST) if case == "warm" else ("cold", 1)))
        for size in SIZES:
            taken: dict[str, list[dict[str, float]]] = {worker.name: [] for worker in workers}
            for turn in range(-int(case == "warm"), TURNS[size]):
                for worker in random.sample(workers, len(workers)):
                    try:
                        taken[worker.name].append(worker.ask(case, size))
                    except Gone as gone:
                        if worker.name not in OTHERS:
                            raise
                        sys.stderr.write(f"{gone}: it is left out from here on\n")
                        workers.remove(worker)
                        del taken[worker.name]
                if turn < 0:
                    taken = {name: [] for name in taken}
            yield from _rows(case, size, taken)


def _rows(case: str, size: int, taken: dict[str, list[dict[str, float]]]) -> Iterator[Row]:
    reference = [one["wall_s"] for one in taken["openssh"]]
    for name, answers in taken.items():
        walls = [one["wall_s"] for one in answers]
        spent = statistics.median(one["cpu_s"] for one in answers)
        yield {
            "case": case,
            "n": size,
            "client": name,
            "wall_s": round(statistics.median(walls), 4),
            "cpu_ms_per_host": round(1000 * spent / size, 2),
            "ratio": round(statistics.median(map(operator.truediv, walls, reference)), 3),
            "turns": len(answers),
        }


def _judged(rows: list[Row], case: str, client: str, size: int, figure: str, most: float) -> Row:
    (row,) = (one for one in rows if (one["case"], one["client"], one["n"]) == (case, client, size))
    what = f"{case}, {client}, N={size}: {figure} at most {most:g}"
    return {"what": what, "is": row[figure], "met": row[figure] <= most}


def _line(row: Row) -> str:
    """What was just measured: the whole takes minutes."""
    ratio = "" if row["ratio"] is None else f" ({row['ratio']:.3f})"
    return (
        f"{row['case']} N={row['n']} {row['client']}: {row['wall_s']} s{ratio}, {row['cpu_ms_per_host']} ms"
    )


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("case", "client", *(f"N={size}" for size in SIZES)):
        table.add_column(column)
    for case, name in dict.fromkeys((row["case"], row["client"]) for row in rows if row["case"] != "idle"):
        cells = [row for row in rows if (row["case"], row["client"]) == (case, name)]
        table.add_row(
            case,
            name,
            *(f"{one['wall_s']:.3f} ({one['ratio']:.2f}) {one['cpu_ms_per_host']:.2f}" for one in cells),
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
