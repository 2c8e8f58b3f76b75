"""The demo's policy: the local one, with the demo's webhook and limits of its own for one group."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import yaml

from tools.cli.connection import Connection
from tools.local import seed
from tools.local.ports import DEFAULT_BASE, Ports

# What the demo asks of one group beyond the local policy, so that storms and flapping are seen.
WEB_LOCAL = {
    "max_in_repair": 1,
    "min_healthy": 1,
    "storm": {"max_unhealthy": "50%", "gather_seconds": 2, "cooldown_seconds": 4},
    "flapping": {"heals": 2, "window_seconds": 600},
}


def adopt(connection: Connection, webhook: str, **healing: Any) -> None:
    """Put it in force while the stack runs; ``healing`` is what the group wants for now on top of it."""
    here = Ports(urlsplit(connection.client("s3").meta.endpoint_url).port or DEFAULT_BASE)
    wanted = yaml.safe_load(seed.policy_text(here))
    wanted["groups"]["web-local"]["healing"] = WEB_LOCAL | healing
    wanted["notify"] = {"webhooks": [webhook]}
    seed.adopt_policy(connection.client, connection.output("ArtifactsBucket"), yaml.safe_dump(wanted))
