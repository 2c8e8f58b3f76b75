"""Unpacked code: every zip is extracted once, keyed by its content, and shared by all workers.

Thirteen functions over one 15 MB layer would otherwise unzip (and byte-compile) it thirteen times
on every cold start.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import shutil
import threading
import uuid
import zipfile
from pathlib import Path

# What the AWS Python runtimes bring along beside the standard library.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")

_lock = threading.Lock()


def unpack(data: bytes, into: Path) -> Path:
    """Extract the zip `data` below `into` unless it is there already; returns its directory.

    Raises ValueError for a member that would land outside.
    """
    target = into / hashlib.sha256(data).hexdigest()[:32]
    with _lock:
        if target.is_dir():
            return target
        staging = into / f".{target.name}.{uuid.uuid4().hex}"
        staging.mkdir(parents=True)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                _refuse_escapes(archive)
                archive.extractall(staging)
            # Renaming last means that a directory with the final name is always complete.
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return target


def prune(into: Path, keep: int) -> None:
    """Remove all but the `keep` most recent directories that `unpack` made below `into`."""
    if into.is_dir():
        for old in sorted(into.iterdir(), key=lambda path: path.stat().st_mtime)[:-keep]:
            shutil.rmtree(old, ignore_errors=True)


def _refuse_escapes(archive: zipfile.ZipFile) -> None:
    for name in archive.namelist():
        if name.startswith("/") or ".." in Path(name).parts:
            raise ValueError(f"zip member leads outside: {name}")


def runtime_directory(build: Path) -> Path:
    """A directory with nothing but the SDK that the AWS runtime has, as links into this venv."""
    target = build / "runtime"
    with _lock:
        target.mkdir(parents=True, exist_ok=True)
        for name in RUNTIME_PACKAGES:
            spec = importlib.util.find_spec(name)
            if spec is None or spec.origin is None:
                continue
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            link = target / source.name
            if not link.is_symlink() or link.readlink() != source:
                link.unlink(missing_ok=True)
                link.symlink_to(source)
    return target
