"""Where the local stack keeps what it makes: one state folder, removed by ``down``."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def home() -> Path:
    """The state folder: NIGHTSHIFT_HOME, or ``.nightshift`` in the checkout."""
    named = os.environ.get("NIGHTSHIFT_HOME")
    return Path(named).resolve() if named else ROOT / ".nightshift"
