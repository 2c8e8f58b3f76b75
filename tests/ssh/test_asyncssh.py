"""Another server than OpenSSH: asyncssh, as the local fleet's nodes run it."""

from __future__ import annotations

import asyncio
import threading

import asyncssh
import pytest

from nightshift.errors import NightshiftError
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.fan_out import run_all
from nightshift_ssh.handshake import connect
from nightshift_ssh.login import Address, Credentials, Login
from nightshift_ssh.pool import Pool
from tests.ssh.conftest import PATIENCE

HOST = "127.0.0.9"


async def pump(source, sink) -> None:
    """Everything from one stream to another; the end too, where the sink is a pipe."""
    while data := await source.read(4096):
        sink.write(data)
        await sink.drain()
    if isinstance(sink, asyncio.StreamWriter):
        sink.close()


class Node:
    """An asyncssh server in a thread, whose commands run in a real shell."""

    def __init__(self) -> None:
        self.client_key = asyncssh.generate_private_key("ssh-ed25519")
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.acceptor = asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result(PATIENCE)
        self.address = Address(HOST, self.acceptor.get_port())

    async def listen(self):
        keys = self.client_key.export_public_key().decode()
        return await asyncssh.listen(
            HOST,
            0,
            server_host_keys=[self.host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(keys),
            process_factory=self.serve,
            encoding=None,
        )

    async def serve(self, process) -> None:
        pipe = asyncio.subprocess.PIPE
        shell = await asyncio.create_subprocess_shell(process.command, stdin=pipe, stdout=pipe, stderr=pipe)
        feeding = asyncio.create_task(pump(process.stdin, shell.stdin))
        await asyncio.gather(pump(shell.stdout, process.stdout), pump(shell.stderr, process.stderr))
        process.exit(await shell.wait())
        feeding.cancel()

    def login(self, known_hosts: str | None = None) -> Login:
        public = self.host_key.export_public_key().decode()
        known = f"[{self.address.host}]:{self.address.port} {public}" if known_hosts is None else known_hosts
        return Login.of(Credentials("ops", self.client_key.export_private_key().decode(), known))

    def stop(self) -> None:
        async def close() -> None:
            self.acceptor.close()
            await self.acceptor.wait_closed()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result(PATIENCE)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()


@pytest.fixture(scope="module")
def node():
    node = Node()
    yield node
    node.stop()


@pytest.mark.parametrize("through_shell", [False, True], ids=["exec", "shell"])
def test_commands_run_on_it(node, through_shell):
    """Status and both streams, by exec and through the shell."""
    pool = Pool(node.login())
    argv = ("sh", "-c", "echo out; echo err >&2; exit 3")
    for _ in range(2):
        (row,) = run_all(pool, [node.address], Command(argv, through_shell=through_shell), PATIENCE)
        assert row.error is None
        assert (row.result.exit_status, row.result.stdout, row.result.stderr) == (3, "out\n", "err\n")
    pool.close()


def test_its_unknown_host_key_is_refused(node):
    """As anybody's."""
    with pytest.raises(NightshiftError, match=r"ssh\.host_key_unknown") as caught:
        connect(node.address, node.login(""), Deadline.after(PATIENCE))
    assert node.host_key.get_fingerprint() in caught.value.message


@pytest.mark.parametrize("through_shell", [False, True], ids=["exec", "shell"])
def test_a_server_that_takes_no_commands_has_certainly_begun_none(node, through_shell, monkeypatch):
    """It opens the channel and says no to the command; the caller may try again."""
    pool = Pool(node.login())
    (warm,) = run_all(pool, [node.address], Command(("true",), through_shell=True), PATIENCE)
    assert warm.result.ok
    monkeypatch.setattr(asyncssh.SSHServerProcess, "exec_requested", lambda *_: False)
    command = Command(("true",), through_shell=through_shell)
    for fresh in (False, True):
        if fresh or not through_shell:
            other = Pool(node.login()) if fresh else pool
            (row,) = run_all(other, [node.address], command, PATIENCE)
            assert row.error.code == "ssh.channel_refused"
            assert row.error.recoverable
            other.close()
    pool.close()
