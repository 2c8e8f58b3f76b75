"""The clients that the SSH layer is measured beside, each used as its authors advise."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.ssh_client import CREW, Client


class Asyncssh(Client):
    """asyncssh with shared options, as many at once as the others."""

    def __init__(self, site: dict[str, Any]) -> None:
        super().__init__(site)
        import asyncssh  # noqa: PLC0415

        self._ssh = asyncssh
        self._loop = asyncio.new_event_loop()
        self._options = asyncssh.SSHClientConnectionOptions(
            username=site["user"],
            client_keys=[site["key"]],
            known_hosts=site["known_hosts"],
            agent_path=None,
            config=None,
        )
        self._kept: dict[str, Any] = {}

    def _each(self, hosts: list[str], act: Callable[[str], Any]) -> None:
        async def run() -> None:
            turn = asyncio.Semaphore(CREW)

            async def one(host: str) -> None:
                async with turn:
                    await act(host)

            await asyncio.gather(*(one(host) for host in hosts))

        self._loop.run_until_complete(run())

    async def _connect(self, host: str) -> Any:
        return await self._ssh.connect(host, self.site["port"], options=self._options)

    async def _once(self, host: str) -> None:
        async with await self._connect(host) as connection:
            await connection.run("true", check=True)

    async def _keep(self, host: str) -> None:
        self._kept[host] = await self._connect(host)

    async def _again(self, host: str) -> None:
        await self._kept[host].run("true", check=True)

    def _cold(self, hosts: list[str]) -> None:
        self._each(hosts, self._once)

    def _warm_up(self, hosts: list[str]) -> None:
        self._each(hosts, self._keep)

    def _warm(self, hosts: list[str]) -> None:
        self._each(hosts, self._again)


class Libssh2(Client):
    """ssh2-python in threads; the host key is compared by its caller, as libssh2 leaves that to them."""

    def __init__(self, site: dict[str, Any]) -> None:
        super().__init__(site)
        self._kept: dict[str, Any] = {}

    def _connect(self, host: str) -> Any:
        from ssh2.session import Session  # noqa: PLC0415

        sock = socket.create_connection((host, self.site["port"]))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session()
        session.handshake(sock)
        if session.hostkey()[0].hex() != self.site["host_key"]:
            raise RuntimeError("another host key")
        session.userauth_publickey_fromfile(self.site["user"], self.site["key"])
        return session, sock

    def _run(self, session: Any) -> None:
        channel = session.open_session()
        channel.execute("true")
        while channel.read()[0] > 0:
            pass
        channel.close()
        if channel.get_exit_status():
            raise RuntimeError("not ok")

    def _once(self, host: str) -> None:
        session, sock = self._connect(host)
        self._run(session)
        session.disconnect()
        sock.close()

    def _keep(self, host: str) -> None:
        self._kept[host] = self._connect(host)

    def _each(self, hosts: list[str], act: Callable[[str], None]) -> None:
        with ThreadPoolExecutor(CREW) as crew:
            list(crew.map(act, hosts))

    def _cold(self, hosts: list[str]) -> None:
        self._each(hosts, self._once)

    def _warm_up(self, hosts: list[str]) -> None:
        self._each(hosts, self._keep)

    def _warm(self, hosts: list[str]) -> None:
        self._each(hosts, lambda host: self._run(self._kept[host][0]))


class ParallelSSH(Client):
    """parallel-ssh's native client; it checks no host key."""

    def _made(self, hosts: list[str]) -> Any:
        from pssh.clients import ParallelSSHClient  # noqa: PLC0415

        site = self.site
        return ParallelSSHClient(
            hosts, user=site["user"], port=site["port"], pkey=site["key"], pool_size=CREW, allow_agent=False
        )

    def _run(self, client: Any) -> None:
        output = client.run_command("true")
        client.join(output)
        if any(one.exit_code for one in output):
            raise RuntimeError("not ok")

    def _cold(self, hosts: list[str]) -> None:
        self._run(self._made(hosts))

    def _warm_up(self, hosts: list[str]) -> None:
        # A client has a fixed list of hosts: one for each size that is asked for.
        self._kept = {len(some): self._made(some) for some in (hosts[:size] for size in self.site["sizes"])}
        for client in self._kept.values():
            self._run(client)

    def _warm(self, hosts: list[str]) -> None:
        self._run(self._kept[len(hosts)])
