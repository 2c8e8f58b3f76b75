"""What the fleet is told at its start, and the constants of the local region."""

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
REGION = "us-east-1"
# Proxies listen on ports just above the stack's; nodes keep clear of this many of them.
RESERVED_PORTS = 64
CPU_BUDGET_CORES = 0.25
PUSH_MASTER = "samples.master"  # in run/: what node keys are derived from
DISK_QUOTA_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class FleetSettings:
    """Where the fleet listens and keeps its state.

    Attributes:
        port: of the fleet server.
        moto_port: of moto's server (Auto Scaling, EC2).
        proxy_port_base: of the first group's reverse proxy; the next groups follow.
        cloud: base URL of the embedded cloud.
        home: state folder; nodes live below it.
        ssh_port_base: of the first machine without an agent; 0 for none of them.
    """

    port: int
    moto_port: int
    proxy_port_base: int
    cloud: str
    home: Path
    ssh_port_base: int = 0

    @property
    def url(self) -> str:
        """Base URL of the fleet server."""
        return f"http://{HOST}:{self.port}"

    @property
    def moto_url(self) -> str:
        """Base URL of moto's server."""
        return f"http://{HOST}:{self.moto_port}"

    @property
    def reserved_ports(self) -> range:
        """Ports that no node may take."""
        return range(self.port - 1, self.proxy_port_base + RESERVED_PORTS)
