"""The Python libraries of an app for a platform that this machine is not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.cli.errors import CliError
from tools.package.platforms import Platform
from tools.package.source import File

REQUIREMENTS = "requirements.txt"
# What pip writes of this machine: scripts that name its own Python, and who installed what.
NOT_PACKAGED = {"bin", "Scripts", "__pycache__"}
OF_THE_INSTALLER = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def of(requirements: bytes, platform: Platform, python: str) -> Mapping[str, File]:
    """What ``requirements.txt`` asks for, as wheels of the platform, below ``lib/``.

    Only versions that are pinned give the same package twice. Raises CliError when a wheel is missing.
    """
    with tempfile.TemporaryDirectory() as place:
        asked, lib = Path(place) / REQUIREMENTS, Path(place) / "lib"
        asked.write_bytes(requirements)
        tags = [word for tag in (*platform.tags, "any") for word in ("--platform", tag)]
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += [
            "--no-compile",
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            python,
        ]
        command += [*tags, "--target", str(lib), "-r", str(asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise CliError(f"pip finds no wheels for {platform.name}: {last}", f"look at {REQUIREMENTS}")
        return {
            f"lib/{path.relative_to(lib).as_posix()}": File(path.read_bytes())
            for path in sorted(lib.rglob("*"))
            if path.is_file()
            and not NOT_PACKAGED & set(path.relative_to(lib).parts)
            and path.name not in OF_THE_INSTALLER
        }
