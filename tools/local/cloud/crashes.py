"""Crashes on demand: a function's process is killed after a call took effect and before it hears the answer.

``run/crash.json`` in the state folder orders one crash, ``{"function": "nightshift-apply_remedy",
"action": "SendCommand", "about": "i-0123"}``: ``about`` stands in the request. The order is removed
when it strikes, so that the retry lives.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import psutil

from tools.local.cloud import worker


def order(home: Path, function: str, action: str, about: str) -> None:
    """The next ``action`` of ``function`` whose request names ``about`` will be its last."""
    file = _file(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps({"function": function, "action": action, "about": about}))
    draft.replace(file)


def strike(home: Path, function: str, action: str, request: str) -> list[int]:
    """SIGKILL the processes of ``function`` if a crash is ordered for this call; their pids."""
    file = _file(home)
    try:
        wanted = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return []
    named = str(wanted.get("about", "")) in request
    if not named or (wanted.get("function"), wanted.get("action")) != (function, action):
        return []
    file.unlink(missing_ok=True)
    struck = [process.pid for process in psutil.Process().children() if _runs(process, function)]
    for pid in struck:
        os.kill(pid, signal.SIGKILL)
    return struck


def _runs(process: psutil.Process, function: str) -> bool:
    try:
        is_worker = worker.__file__ in process.cmdline()
        return is_worker and process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == function
    except psutil.Error:
        return False


def _file(home: Path) -> Path:
    return home / "run" / "crash.json"
