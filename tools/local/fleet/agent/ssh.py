"""The node's SSH server: its own host key, public keys only, commands run as documents do."""

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from tools.local.fleet.layout import NodeFacts

LOG = logging.getLogger(__name__)


class Guest(asyncssh.SSHServer):  # type: ignore[misc]
    """Lets in whoever has a listed key, and nobody else."""

    def begin_auth(self, username: str) -> bool:
        """Every user has to prove a key."""
        del username
        return True

    def password_auth_supported(self) -> bool:
        """No passwords."""
        return False


async def serve(facts: NodeFacts, host_key: Path, environment: Mapping[str, str]) -> Any:
    """Listen on the node's SSH port; answers asyncssh's acceptor.

    Raises:
        OSError: the port is taken.
    """

    async def handle(process: Any) -> None:
        await _run(process, facts.machine, environment)

    return await asyncssh.listen(
        "127.0.0.1",
        facts.ssh_port,
        server_factory=Guest,
        server_host_keys=[str(host_key)],
        authorized_client_keys=facts.ssh_keys,
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
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    code = await child.wait()
    await process.stdout.drain()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)
