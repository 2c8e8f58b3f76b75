"""`python -m tools.local.fleet.agent.plain FOLDER PORT KEYS HOST_KEY`: a machine that only speaks SSH."""

import asyncio
import logging
import sys
from pathlib import Path

from tools.local.fleet.agent import ssh
from tools.local.fleet.layout import scrubbed_environment


async def run(folder: Path, port: int, keys: str, host_key: Path) -> None:
    """Serve until the process is ended."""
    environment = scrubbed_environment(folder) | {"NIGHTSHIFT_STATE": str(folder)}
    acceptor = await ssh.serve(port, keys, folder, host_key, environment)
    await acceptor.wait_closed()


if __name__ == "__main__":
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
