"""Entry: python -m tools.cli, or bin/nightshift."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The layers' packages are not installed into the environment, so that nothing deployed locally can
# reach the source tree by accident; this process alone reads them from there.
sys.path[:0] = [str(ROOT / "layers" / "nightshift"), str(ROOT / "layers" / "ssh")]

from tools.cli.app import main  # noqa: E402 - needs the path above

if __name__ == "__main__":
    sys.exit(main())
