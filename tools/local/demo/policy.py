"""The demo's policy: the local one, with the demo's webhook and limits of its own for one group."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import yaml

from tools.cli.connection import Connection
from tools.local import seed
from tools.local.paths import home

# What the demo asks of one group beyond the local policy, so that storms and flapping are seen.
WEB_LOCAL = {
    "max_in_repair": 1,
    "min_healthy": 1,
    "storm": {"max_unhealthy": "50%", "gather_seconds": 2, "cooldown_seconds": 4},
    "flapping": {"heals": 2, "window_seconds": 600},
}


def adopt(connection: Connection, webhook: str, **healing: Any) -> None:
    """Put it in force while the stack runs; ``healing`` is what the group wants for now on top of it."""
    wanted = yaml.safe_load(seed.policy_text())
    wanted["groups"]["web-local"]["healing"] = WEB_LOCAL | healing
    wanted["notify"] = {"webhooks": [webhook]}
    policy = Path(home() / "tmp" / "demo-policy.yaml")
    policy.write_text(yaml.safe_dump(wanted))
    with contextlib.suppress(FileExistsError):
        seed.adopt_policy(connection.client, connection.output("ArtifactsBucket"), policy)
