"""What is remembered of a running stack: its processes from the first one on, and, once whole, stack.json."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tools.local.daemons import Daemon
from tools.local.paths import home as default_home


def remember(home: Path, daemons: list[Daemon]) -> None:
    """Write down which processes were started, before anything can go wrong with them."""
    _write(home / "run" / "processes.json", [asdict(daemon) for daemon in daemons])


def daemons(home: Path) -> list[Daemon]:
    """The processes that were started; alive or not. An unreadable record counts as none."""
    found = _read(home / "run" / "processes.json")
    try:
        return [Daemon(**each) for each in found or []]
    except TypeError:
        return []


def complete(home: Path, stack: dict[str, Any]) -> None:
    """Write stack.json: from now on the stack counts as up."""
    _write(home / "run" / "stack.json", stack)


def recorded(home: Path) -> dict[str, Any] | None:
    """The content of stack.json, whether its processes live or not."""
    found = _read(home / "run" / "stack.json")
    return found if isinstance(found, dict) else None


def running(home: Path | None = None) -> dict[str, Any] | None:
    """The record of the local stack while every process of it lives, else None."""
    place = home or default_home()
    stack = recorded(place)
    if stack is None:
        return None
    started = daemons(place)
    return stack if started and all(daemon.process() for daemon in started) else None


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=2) + "\n")
    partial.replace(path)  # readers see the old record or the new one, never half of one


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
