"""Build a release of a sample app: one reproducible tar.gz.

The same app, version and interpreter always give the same bytes: members are sorted, times
and owners are zero. A release holds `start`, `VERSION`, the app's files, and `manifest.json`
with the sha256 of every other file.
"""

import gzip
import hashlib
import io
import json
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path

APPS = Path(__file__).resolve().parent
SHARED = ("start", "server.py")
NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Release:
    """One built release: where it is, its version, sha256 (hex) and size in bytes."""

    path: Path
    version: str
    sha256: str
    size: int


def build(app: str, version: str, out: Path, broken: bool = False) -> Release:  # noqa: FBT001, FBT002
    """Build `<out>/<app>-<version>.tar.gz`.

    Args:
        app: name of a folder beside this file, such as `web`.
        version: letters, digits, dot, dash and underscore, at most 64.
        out: folder for the archive; created if missing.
        broken: leave out a file that the manifest names. Such a service starts, and then
            answers 503 on `/health` for good, whatever is restarted or rebuilt.

    Raises:
        ValueError: an unknown app or an unusable version.
    """
    if not NAME.fullmatch(app) or not (APPS / app).is_dir():
        raise ValueError(f"no sample app named {app!r}")
    if not VERSION.fullmatch(version):
        raise ValueError(f"unusable version {version!r}")
    data = _archive(_files(app, version, broken=broken))
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{app}-{version}.tar.gz"
    path.write_bytes(data)
    return Release(path, version, hashlib.sha256(data).hexdigest(), len(data))


def _files(app: str, version: str, *, broken: bool) -> dict[str, bytes]:
    files = {name: (APPS / name).read_bytes() for name in SHARED}
    files |= {path.name: path.read_bytes() for path in (APPS / app).iterdir() if path.is_file()}
    files["VERSION"] = f"{version}\n".encode()
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    if broken:
        sums["catalogue.json"] = hashlib.sha256(b"").hexdigest()
    manifest = {"app": app, "version": version, "files": sums}
    files["manifest.json"] = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    return files


def _archive(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in sorted(files):
            member = tarfile.TarInfo(name)
            member.size = len(files[name])
            member.mode = 0o755 if name == "start" else 0o644
            tar.addfile(member, io.BytesIO(files[name]))
    return raw.getvalue()
