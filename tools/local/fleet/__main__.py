"""`python -m tools.local.fleet`: run the local fleet until it is terminated."""

import argparse
import logging
import sys
from pathlib import Path

from .errors import FleetError
from .fleet import run
from .settings import FleetSettings


def main() -> int:
    """Parse the arguments and run; 1 with the reason on stderr when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.fleet", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the fleet server")
    parser.add_argument("--moto-port", type=int, required=True, help="of moto's server")
    parser.add_argument(
        "--proxy-port-base", type=int, required=True, help="of the first group's reverse proxy"
    )
    parser.add_argument("--ssh-port-base", type=int, default=0, help="of the machines without an agent")
    parser.add_argument("--cloud", required=True, help="base URL of the embedded cloud")
    parser.add_argument("--home", type=Path, required=True, help="state folder")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = FleetSettings(
        options.port,
        options.moto_port,
        options.proxy_port_base,
        options.cloud.rstrip("/"),
        options.home.resolve(),
        options.ssh_port_base,
    )
    try:
        run(settings)
    except FleetError as error:
        print(f"the fleet cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
