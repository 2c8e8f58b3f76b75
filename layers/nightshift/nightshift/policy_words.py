"""A value of the policy as a person says it, by the unit that its name ends with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_URL = re.compile(r"(https?://[^/?#]+)[/?#].+")
_SECONDS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
_MINUTES = ((1_440, "day"), (60, "hour"), (1, "minute"))


def said(path: str, value: Any) -> str:
    """``value`` at ``path``: ``5 minutes`` for 300 at ``healing.cooldown_seconds``.

    Of addresses of channels only the host is shown: the rest may be as good as a key.
    """
    name = path.rpartition(".")[2]
    if value is None or value == "" or (isinstance(value, list | dict) and not value):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(path, one) for one in value)
    if isinstance(value, Mapping):
        return _thing(path, value)
    if isinstance(value, int):
        return _counted(name, value)
    return str(masked(value, path))


def masked(value: Any, path: str = "") -> Any:
    """``value`` at ``path`` as it may be shown: of a channel's address only the host."""
    if isinstance(value, Mapping):
        return {key: masked(one, f"{path}.{key}" if path else str(key)) for key, one in value.items()}
    if isinstance(value, list):
        return [masked(one, path) for one in value]
    address = _URL.fullmatch(value) if isinstance(value, str) and path.startswith("notify.") else None
    return f"{address[1]}/…" if address else value


def _thing(path: str, value: Mapping[str, Any]) -> str:
    parts = {key: said(f"{path}.{key}", one) for key, one in value.items() if one not in ("", None)}
    if parts.keys() == {"name"}:
        return parts["name"]
    return "{" + ", ".join(f"{key} {words}" for key, words in parts.items()) + "}"


def _counted(name: str, value: int) -> str:
    if name.endswith("_seconds"):
        return _time(value, _SECONDS)
    if name.endswith("_minutes"):
        return _time(value, _MINUTES)
    return f"{value} %" if name.endswith("_percent") else str(value)


def _time(value: int, units: tuple[tuple[int, str], ...]) -> str:
    parts = []
    rest = value
    for size, unit in units:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return " ".join(parts) or f"0 {units[-1][1]}s"
