"""Where one embedded cloud listens, whom it forwards to, and where it keeps its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "000000000000"
REGION = "us-east-1"


@dataclass(frozen=True)
class CloudConfig:
    """One embedded cloud.

    `port` is where it listens on 127.0.0.1; `fleet` and `moto` are base URLs that fleet actions and
    EC2/Auto Scaling are forwarded to; `home` is the state directory of the whole local stack.
    """

    port: int
    fleet: str
    moto: str
    home: Path
    alarm_tick_seconds: float = 0.5

    @property
    def endpoint(self) -> str:
        """The base URL of this cloud."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def tmp(self) -> Path:
        """Temporary files of the server and its workers; emptied on start and on stop."""
        return self.home / "tmp"

    @property
    def build(self) -> Path:
        """Caches that survive a restart: unpacked layers, installed dependencies."""
        return self.home / "build"

    @property
    def calls(self) -> Path:
        """The file that the call recorder appends to, one JSON object a line."""
        return self.home / "run" / "calls.jsonl"
