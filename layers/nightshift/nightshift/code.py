"""Which code decides: a digest of the sources that a decision can depend on."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

DIGITS = 16  # of the digest, enough to tell two versions apart


@cache
def digest() -> str:
    """The SHA-256, shortened, over every module of ``decisions`` and of the models beside it, by name.

    Not in it: Python, pydantic, cronsim and the time zones. ``constraints.txt`` pins the first three.
    """
    here, found = Path(__file__).parent, hashlib.sha256()
    for source in sorted([*here.glob("*.py"), *here.glob("decisions/*.py")]):
        found.update(f"{source.relative_to(here).as_posix()}\0".encode())
        found.update(source.read_bytes() + b"\0")
    return found.hexdigest()[:DIGITS]
