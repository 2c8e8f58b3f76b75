"""The node's SSH server: its own host key, public keys only, commands run as documents do."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

LOG = logging.getLogger(__name__)
CHUNK = 16 * 1024


class Guest(asyncssh.SSHServer):  # type: ignore[misc]
    """Lets in whoever has a listed key, and nobody else."""

    def begin_auth(self, username: str) -> bool:
        """Every user has to prove a key."""
        del username
        return True

    def password_auth_supported(self) -> bool:
        """No passwords."""
        return False


async def serve(port: int, keys: str, directory: Path, host_key: Path, environment: Mapping[str, str]) -> Any:
    """Listen on a machine's SSH port for who has one of ``keys`` (a file); answers asyncssh's acceptor.

    Raises:
        OSError: the port is taken.
    """

    async def handle(process: Any) -> None:
        await _run(process, directory, environment)

    return await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=Guest,
        server_host_keys=[str(host_key)],
        authorized_client_keys=keys,
        process_factory=handle,
        encoding=None,
        allow_scp=False,
        agent_forwarding=False,
    )


async def _run(process: Any, directory: Path, environment: Mapping[str, str]) -> None:
    """Run one command, or a shell, with its streams on the SSH channel."""
    command = ["sh", "-c", process.command] if process.command else ["sh"]
    child = await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        cwd=directory,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    feeding = asyncio.create_task(_pump(process.stdin, child.stdin))
    # asyncssh's own redirect may lose the end of stderr when the command ends at once.
    await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
    code = await child.wait()
    feeding.cancel()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def _pump(source: Any, sink: Any) -> None:
    """Hand on everything until the end, and say so to a process, which waits for it."""
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
        if isinstance(sink, asyncio.StreamWriter):
            sink.close()
