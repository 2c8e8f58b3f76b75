"""Real SSH servers for these tests: OpenSSH's sshd on loopback addresses, ended by their process id."""

from __future__ import annotations

import base64
import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nightshift_ssh.login import Address, Credentials, Login

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
MISSING = "no sshd on this machine (make test says how to get it)"
STARTS = 10.0
# SHLVL: or bash would read the .bashrc of whoever runs the tests before each command.
CONFIG = """\
HostKey {host_key}
AuthorizedKeysFile {authorized}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 1000
LogLevel VERBOSE
SetEnv PATH={path} SHLVL=1
{listen}
{settings}
"""


@dataclass
class Sshd:
    """One sshd in the foreground, listening on some addresses of one port."""

    process: subprocess.Popen[bytes]
    log: Path
    hosts: list[str]
    port: int
    public_key: str

    def address(self, index: int = 0, via: Address | None = None) -> Address:
        return Address(self.hosts[index], self.port, via)

    def known(self, key: str | None = None) -> str:
        """The lines of known_hosts for it, with its own key or ``key``."""
        return "".join(f"[{host}]:{self.port} {key or self.public_key}\n" for host in self.hosts)

    def logins(self) -> int:
        """How many connections were let in so far."""
        return self.log.read_text(errors="replace").count("Accepted publickey")

    def cut(self) -> None:
        """Kill the processes that serve connections, not the one that listens, and see them gone."""
        cut = self._signal(signal.SIGKILL)
        ends = time.monotonic() + STARTS
        while any(is_alive(pid) for pid in cut) and time.monotonic() < ends:
            time.sleep(0.005)

    def freeze(self) -> None:
        """Stop the processes that serve connections so far: these hosts have gone without a word."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> list[int]:
        children = descendants(self.process.pid) if self.process.poll() is None else []
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)
        return children

    def stop(self) -> None:
        self.cut()
        self.process.terminate()
        self.process.wait(STARTS)


@dataclass
class Site:
    """A folder with a client key, and the servers that were started for it."""

    folder: Path
    private_key: str = ""
    servers: list[Sshd] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.private_key, _ = make_key(self.folder / "client")

    def sshd(
        self, *hosts: str, path: str = "/usr/bin:/bin", like: Sshd | None = None, settings: str = ""
    ) -> Sshd:
        """Start one on ``hosts`` (127.0.0.x, at most 16), with its own port and a host key, or ``like``'s."""
        home = self.folder / f"sshd-{len(self.servers)}"
        home.mkdir()
        port = like.port if like else free_port()
        public_key = like.public_key if like else make_key(home / "host_key")[1]
        host_key = like.log.with_name("host_key") if like else home / "host_key"
        listen = "\n".join(f"ListenAddress {host}:{port}" for host in hosts)
        (home / "config").write_text(
            CONFIG.format(
                host_key=host_key,
                authorized=self.folder / "client.pub",
                listen=listen,
                path=path,
                settings=settings,
            )
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in; Debian makes it at boot
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(SSHD), "-D", "-e", "-f", str(home / "config")], stdin=subprocess.DEVNULL, stderr=log
            )
        server = Sshd(process, home / "log", list(hosts), port, public_key)
        self.servers.append(server)
        for host in hosts:
            await_port(host, port, server)
        return server

    def credentials(self, known_hosts: str | None = None) -> Credentials:
        known = "".join(server.known() for server in self.servers) if known_hosts is None else known_hosts
        return Credentials(getpass.getuser(), self.private_key, known)

    def login(self, known_hosts: str | None = None) -> Login:
        return Login.of(self.credentials(known_hosts))

    def stop(self) -> None:
        for server in self.servers:
            server.stop()


def make_key(path: Path) -> tuple[str, str]:
    """A fresh ed25519 pair at ``path``: its private text, and its public kind and key."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)
    return path.read_text(), " ".join(path.with_suffix(".pub").read_text().split()[:2])


def another_key(seed: int) -> str:
    """A public key that no server has."""
    kind = b"ssh-ed25519"
    blob = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big") + bytes([seed]) * 32
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port


def await_port(host: str, port: int, server: Sshd) -> None:
    ends = time.monotonic() + STARTS
    while time.monotonic() < ends and server.process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.01)
    raise AssertionError(f"sshd does not listen on {host}:{port}:\n{server.log.read_text()}")


def descendants(pid: int) -> list[int]:
    """The processes that ``pid`` has started, and those that they have."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [one for child in children for one in (int(child), *descendants(int(child)))]
    return []


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@contextlib.contextmanager
def mute(host: str) -> Iterator[Address]:
    """A host that takes every connection and never says a word."""
    kept: list[socket.socket] = []
    with socket.create_server((host, 0), backlog=64) as listener:

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield Address(host, listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(STARTS)
        for one in kept:
            one.close()
