"""`python -m tools.local.fleet.agent.reap MACHINE GROUP`: end what a dead service left running.

systemd does the same for a unit's control group: a service starts without its predecessor's
children.
"""

import sys
from pathlib import Path

from tools.local.fleet.processes import end_group

if __name__ == "__main__":
    end_group(Path(sys.argv[1]), int(sys.argv[2]))
