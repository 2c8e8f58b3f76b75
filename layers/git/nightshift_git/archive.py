"""The archive of one commit: what a node unpacks. The same commit always gives the same bytes.

Beside the commit's files it holds ``VERSION`` and ``manifest.json`` (the sha256 of every file).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass

from nightshift.errors import Refused
from nightshift_git.repository import SUBMODULE, File, Snapshot

LARGEST = 256 * 1024 * 1024  # bytes of all files together: they are held in memory
MOST_FILES = 20_000
LINK, EXECUTABLE = 0o120000, 0o100755
#: Written by the archive itself.
VERSION, MANIFEST = "VERSION", "manifest.json"
START = "start"


@dataclass(frozen=True)
class Archive:
    """A built archive: its bytes, their sha256, and what is in it; ``unpacked`` in bytes."""

    content: bytes
    sha256: str
    unpacked: int
    files: int
    unsafe: bool


def build(commit: Snapshot, app: str, version: str) -> Archive:
    """The archive of a commit.

    It is ``unsafe`` when ``.nightshift/rollback`` says so: what it changes cannot be undone. Raises Refused
    ``release.no_start``, ``release.reserved``, ``release.submodule``, ``release.link`` or
    ``release.too_big``, each before any node hears of the release.
    """
    files = {file.path: file for file in commit.files}
    _check(files)
    said = files.get(".nightshift/rollback")
    own = {VERSION: f"{version}\n".encode()}
    contents = own | {name: file.content for name, file in files.items() if file.mode != LINK}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"app": app, "version": version, "commit": commit.commit, "files": sums}
    own[MANIFEST] = json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n"
    members = [*files.values(), *(File(name, 0o100644, content) for name, content in own.items())]
    content = _packed(members)
    return Archive(
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        unpacked=sum(len(member.content) for member in members),
        files=len(members),
        unsafe=said is not None and said.content.strip() == b"unsafe",
    )


def _check(files: dict[str, File]) -> None:
    if START not in files or files[START].mode != EXECUTABLE:
        raise Refused("release.no_start", f"the commit has no executable file {START!r} at its top")
    reserved = sorted({VERSION, MANIFEST} & set(files))
    if reserved:
        raise Refused("release.reserved", f"{', '.join(reserved)} is written by the release itself")
    size = sum(len(file.content) for file in files.values())
    if size > LARGEST or len(files) > MOST_FILES:
        raise Refused(
            "release.too_big", f"{len(files)} files of {size} bytes; {MOST_FILES} of {LARGEST} are allowed"
        )
    for file in files.values():
        if file.mode == SUBMODULE:
            raise Refused("release.submodule", f"{file.path} is a submodule, which an archive cannot hold")
        if file.mode == LINK and _leads_out(file):
            raise Refused("release.link", f"{file.path} is a link that leads out of the release")


def _leads_out(link: File) -> bool:
    target = link.content.decode(errors="replace")
    end = posixpath.normpath(posixpath.join(posixpath.dirname(link.path), target))
    return target.startswith("/") or end == ".." or end.startswith("../")


def _packed(members: Iterable[File]) -> bytes:
    raw = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for file in sorted(members, key=lambda one: one.path):
            member = tarfile.TarInfo(file.path)
            if file.mode == LINK:
                member.type, member.linkname = tarfile.SYMTYPE, file.content.decode()
                tar.addfile(member)
                continue
            member.size, member.mode = len(file.content), 0o755 if file.mode == EXECUTABLE else 0o644
            tar.addfile(member, io.BytesIO(file.content))
    return raw.getvalue()
