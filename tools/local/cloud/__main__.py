"""`python -m tools.local.cloud`: run the embedded cloud in the foreground."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tools.local.cloud import server
from tools.local.cloud.config import CloudConfig


def main() -> None:
    """Parse the arguments and serve; exits 1 when the port is taken."""
    parser = argparse.ArgumentParser(prog="python -m tools.local.cloud", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    parser.add_argument("--fleet", required=True, help="base URL of the local fleet")
    parser.add_argument("--moto", required=True, help="base URL of moto's server")
    parser.add_argument("--home", type=Path, required=True, help="state directory of the local stack")
    given = parser.parse_args()
    config = CloudConfig(port=given.port, fleet=given.fleet, moto=given.moto, home=given.home.resolve())
    try:
        server.run(config)
    except server.PortInUse as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    # Daemon threads of ministack may still wait in a call; they must not hold up the exit.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
