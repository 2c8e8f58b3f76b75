"""Free ports for nodes that stay free while nobody listens on them."""

import random
import socket
from collections.abc import Iterable
from pathlib import Path

from .errors import FleetError
from .settings import HOST

# Below the range from which systems take the ports of outgoing connections: a port kept for a
# node's whole life must not go to somebody's connection while the service restarts.
LOWEST, HIGHEST, FEWEST = 15_000, 32_000, 1000
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def pick_ports(count: int, avoid: Iterable[int] = ()) -> list[int]:
    """Pick ports on 127.0.0.1 on which nobody listens.

    Args:
        count: how many.
        avoid: ports that are not to be picked.

    Raises:
        FleetError: none was found.
    """
    taken = set(avoid)
    lowest, highest = _bounds()
    picked: list[int] = []
    for _ in range(2000):
        port = random.randrange(lowest, highest)  # noqa: S311  (no secret)
        if port not in taken and is_free(port):
            picked.append(port)
            taken.add(port)
        if len(picked) == count:
            return picked
    raise FleetError(f"no {count} free ports between {lowest} and {highest}")


def is_free(port: int) -> bool:
    """Whether a listener could bind the port on 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _bounds() -> tuple[int, int]:
    try:
        ephemeral = int(EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ephemeral = 49_152
    highest = min(HIGHEST, ephemeral)
    return (LOWEST, highest) if highest - LOWEST >= FEWEST else (LOWEST, HIGHEST)
