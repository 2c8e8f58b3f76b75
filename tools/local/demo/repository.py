"""The demo's clone of the local repository: commits and pushes with the machine's own git."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.local import git
from tools.local.paths import home

WHO = ("Ada Lovelace", "ada@example.com")


def push(name: str, change: tuple[str, str]) -> str:
    """Push the app as its first commit has it, but for a text in a file; the commit's full id.

    What was pushed before, good or bad, is no part of it.
    """
    clone = home() / "tmp" / "clone"
    shutil.rmtree(clone, ignore_errors=True)
    _git(home(), "clone", "--quiet", str(git.bare(home())), str(clone))
    first = _git(clone, "rev-list", "--max-parents=0", "HEAD").strip()
    _git(clone, "checkout", "--quiet", first, "--", ".")
    path, (old, new) = clone / name, change
    text = path.read_text()
    if old not in text:
        raise ValueError(f"{name} does not hold {old!r}")
    path.write_text(text.replace(old, new))
    _git(clone, "commit", "--quiet", "--all", "--message", f"{name}: {new}")
    _git(clone, "push", "--quiet", "origin", "main")
    return _git(clone, "rev-parse", "HEAD").strip()


def _git(folder: Path, *arguments: str) -> str:
    # Nobody's own hooks or signing keys, and the same person for both roles.
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": WHO[0], f"GIT_{role}_EMAIL": WHO[1]}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout
