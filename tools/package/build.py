"""Builds one package: the app's files, its libraries, how it is started, and the sum of every file.

The same source gives the same bytes on every machine: members are sorted, and their times are the commit's.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from tools.cli.errors import CliError
from tools.package import libraries
from tools.package.platforms import Platform
from tools.package.source import File, Source

ENTRIES = ("__main__.py", "main.py", "app.py", "server.py")
VERSION, MANIFEST, CONFIG = "VERSION", "manifest.json", "config.yaml.template"
START, START_WINDOWS = "start", "start.cmd"
TEMPLATE = """# Copy to config.yaml and fill in; the start script tells the app where it is by CONFIG.
port: 8080
"""
POSIX_SCRIPT = """#!/bin/sh
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
export CONFIG="${{CONFIG:-$here/config.yaml}}" PYTHONPATH="$here/lib${{PYTHONPATH:+:$PYTHONPATH}}"
exec python3 -u "$here/{entry}" "$@"
"""
WINDOWS_SCRIPT = """@echo off\r
setlocal\r
if not defined CONFIG set "CONFIG=%~dp0config.yaml"\r
set "PYTHONPATH=%~dp0lib;%PYTHONPATH%"\r
python -u "%~dp0{entry}" %*\r
"""


@dataclass(frozen=True)
class Package:
    """A built package: its file name, its bytes and their sha256."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The sum of the whole package."""
        return hashlib.sha256(self.content).hexdigest()


def build(app: str, source: Source, platform: Platform, python: str) -> Package:
    """The package of an app for one platform; raises CliError when nobody could start it."""
    files = dict(source.files)
    taken = sorted({VERSION, MANIFEST} & set(files))
    if taken:
        raise CliError(f"{', '.join(taken)} is written by the package itself", "remove it from the source")
    if libraries.REQUIREMENTS in files:
        files |= libraries.of(files[libraries.REQUIREMENTS].content, platform, python)
    files.setdefault(CONFIG, File(TEMPLATE.encode()))
    name, script = _start(files, platform)
    files.setdefault(name, File(script.encode(), executable=True))
    files[VERSION] = File(f"{source.version}\n".encode())
    manifest = {
        "app": app,
        "version": source.version,
        "commit": source.commit,
        "platform": platform.name,
        "files": {path: hashlib.sha256(file.content).hexdigest() for path, file in files.items()},
    }
    files[MANIFEST] = File(json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")
    stem = f"{app}-{source.version}-{platform.name}"
    if platform.windows:
        return Package(f"{stem}.zip", _zipped(files, source.epoch))
    return Package(f"{stem}.tar.gz", _tarred(files, source.epoch))


def _start(files: Mapping[str, File], platform: Platform) -> tuple[str, str]:
    """The start script's name, and its text where the app brings none."""
    name = START_WINDOWS if platform.windows else START
    entry = next((one for one in ENTRIES if one in files), "")
    if not entry and name not in files:
        ways = f"neither {name} nor {', '.join(ENTRIES)}"
        raise CliError(f"nothing starts the app on {platform.name}: {ways}", f"add {name}")
    return name, (WINDOWS_SCRIPT if platform.windows else POSIX_SCRIPT).format(entry=entry)


def _tarred(files: Mapping[str, File], epoch: int) -> bytes:
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path, file in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(file.content), epoch
            member.mode = 0o755 if file.executable else 0o644
            tar.addfile(member, io.BytesIO(file.content))
    return raw.getvalue()


def _zipped(files: Mapping[str, File], epoch: int) -> bytes:
    raw, at = io.BytesIO(), datetime.fromtimestamp(epoch, UTC)
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, file in sorted(files.items()):
            member = zipfile.ZipInfo(path, (at.year, at.month, at.day, at.hour, at.minute, at.second))
            member.compress_type, member.create_system = zipfile.ZIP_DEFLATED, 3
            member.external_attr = (0o100755 if file.executable else 0o100644) << 16
            archive.writestr(member, file.content)
    return raw.getvalue()
