"""What is packaged: the files of a Git repository's head, or a plain folder as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nightshift.releases import version_of
from tools.cli.errors import CliError

EXECUTABLE = 0o111
LINK, SUBMODULE = 0o120000, 0o160000
EARLIEST = 315_532_800  # 1980, the first time that a zip can hold


@dataclass(frozen=True)
class File:
    """One file: its content, and whether it may be run."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Source:
    """The files by path, the version, the commit (empty for a folder), and the time of it all, in epoch s."""

    files: Mapping[str, File]
    version: str
    commit: str
    epoch: int


def read(folder: Path, version: str) -> Source:
    """Read what ``folder`` holds. A repository is packaged as committed, whatever lies about beside it.

    Raises CliError for a folder without files, without a version, or with links.
    """
    if (folder / ".git").exists():
        return _committed(folder, version)
    if not version:
        raise CliError(f"{folder} is no Git repository, so it has no version", "name one: --version 1.0.0")
    paths = sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    links = [path for path in paths if path.is_symlink()]
    if links:
        raise CliError(f"{links[0]} is a link, which not every platform has", "put the file there")
    files = {
        path.relative_to(folder).as_posix(): File(
            path.read_bytes(), executable=bool(path.stat().st_mode & EXECUTABLE)
        )
        for path in paths
        if path.is_file()
    }
    if not files:
        raise CliError(f"there is no file in {folder}", "name the app's folder: --source DIR")
    return Source(files, version, "", _epoch(EARLIEST))


def _committed(folder: Path, version: str) -> Source:
    from dulwich.object_store import iter_tree_contents
    from dulwich.objects import Blob, Commit
    from dulwich.repo import Repo

    with Repo(str(folder)) as repository:
        try:
            head = repository[repository.head()]
        except KeyError as error:
            raise CliError(f"{folder} has no commit yet", "commit what is to be packaged") from error
        if not isinstance(head, Commit):
            raise CliError(f"the head of {folder} is no commit", "check out a branch")
        files = {}
        for entry in iter_tree_contents(repository.object_store, head.tree):
            path = entry.path.decode()
            if entry.mode in (LINK, SUBMODULE):
                raise CliError(
                    f"{path} is a link or submodule, which not every platform has", "put files there"
                )
            blob = repository[entry.sha]
            if isinstance(blob, Blob):
                files[path] = File(blob.data, executable=bool(entry.mode & EXECUTABLE))
        commit, at = head.id.decode(), datetime.fromtimestamp(head.commit_time, UTC)
    return Source(files, version or version_of(commit, at), commit, _epoch(int(at.timestamp())))


def _epoch(known: int) -> int:
    """SOURCE_DATE_EPOCH where it is set, as reproducible builds have it; else the commit's own time."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "")
    if said and not said.isdigit():
        raise CliError(f"SOURCE_DATE_EPOCH is {said!r}, no time in seconds", "unset it: the commit has one")
    return max(EARLIEST, int(said or known))
