"""`python -m tools.local.fleet.agent AGENT.JSON`: the agent of one node."""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

from tools.local.fleet.agent import ssh
from tools.local.fleet.keys import ensure_host_key
from tools.local.fleet.layout import PUSH_KEY, NodeFacts, scrubbed_environment
from tools.local.fleet.settings import DISK_QUOTA_BYTES

from .documents import DocumentRunner
from .link import Link
from .probe import Probe

LOG = logging.getLogger(__name__)


def document_environment(facts: NodeFacts) -> dict[str, str]:
    """What documents and SSH commands find in their environment."""
    return {
        **scrubbed_environment(facts.machine),
        "NIGHTSHIFT_ROOT": facts.dir,
        "NIGHTSHIFT_STATE": str(facts.state),
        "NIGHTSHIFT_DISK_QUOTA_KIB": str(DISK_QUOTA_BYTES // 1024),
        "NIGHTSHIFT_APP": facts.app,
        "NIGHTSHIFT_SERVICE_PORT": str(facts.port),
        "NIGHTSHIFT_PUSH_KEY": str(facts.machine / PUSH_KEY),
        "SUPERVISOR_CONF": str(facts.supervisor_conf),
        "AWS_SSM_INSTANCE_ID": facts.id,
        "AWS_SSM_REGION_NAME": "us-east-1",
    }


async def run(facts: NodeFacts) -> None:
    """Serve the node until the process is ended."""
    host_key_file = facts.machine / "ssh_host_ed25519_key"
    host_key = ensure_host_key(host_key_file)
    environment = document_environment(facts)
    link = Link(facts.fleet, facts.token)
    try:
        await ssh.serve(facts.ssh_port, facts.ssh_keys, facts.machine, host_key_file, environment)
        await link.post("/fleet/agent/hello", {"agent_pid": os.getpid(), "host_key": host_key})
        runner = DocumentRunner(link, environment, facts.machine)
        async with asyncio.TaskGroup() as work:
            work.create_task(runner.run())
            work.create_task(Probe(facts, link).run())
    finally:
        await link.close()


def main() -> None:
    """Read the node's facts and run."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(NodeFacts.read(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
