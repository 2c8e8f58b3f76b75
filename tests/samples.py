"""The event samples of ``events/``: complete envelopes, as Lambda receives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events"

#: What the samples are about; the same in all of them.
NODE = "i-0a1b2c3d4e5f60718"
SUCCESSOR = "i-0f9e8d7c6b5a41302"
INCIDENT = "inc-20261123-7c1d0b9a42"


def sample(name: str) -> dict[str, Any]:
    """The sample ``events/<name>.json``, a fresh copy each time."""
    content: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return content


def names(folder: str = "") -> list[str]:
    """Every sample below ``events/<folder>``, as ``sample`` takes it."""
    return sorted(str(path.relative_to(EVENTS).with_suffix("")) for path in (EVENTS / folder).rglob("*.json"))
