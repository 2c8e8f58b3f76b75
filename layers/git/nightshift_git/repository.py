"""A remote repository: its branches' heads, and one commit with its files, fetched without its history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

from dulwich.client import GitClient, HTTPUnauthorized, get_transport_and_path
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, Tag
from dulwich.refs import Ref
from dulwich.repo import MemoryRepo
from urllib3.exceptions import HTTPError

from nightshift.errors import Permanent, Refused, Retryable

T = TypeVar("T")
SUBMODULE = 0o160000
TAGS = "refs/tags/"
SCHEMES = ("https", "file")  # never a protocol that neither encrypts nor stays on this machine


@dataclass(frozen=True)
class Remote:
    """Where a repository is, and with what it is read; ``password`` is never printed."""

    url: str
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Remote({self.url!r})"


@dataclass(frozen=True)
class File:
    """One file of a commit; ``mode`` is Git's: 0o100644, 0o100755, 0o120000 (link), SUBMODULE."""

    path: str
    mode: int
    content: bytes


@dataclass(frozen=True)
class Snapshot:
    """One commit: its full object id, who made it and why, and its files in order."""

    commit: str
    author: str
    message: str
    committed_at: datetime
    files: tuple[File, ...]


def head(remote: Remote, ref: str) -> str:
    """The id of the commit that a branch (``refs/heads/main``) or a tag (``refs/tags/v1``) points to now.

    Raises Refused ``git.no_branch``, Permanent ``git.unauthorized`` or ``git.no_repository``, and
    Retryable ``git.unreachable``.
    """
    client, path = _open(remote)
    refs = _asked(remote, lambda: client.get_refs(path.encode()).refs)
    found = refs.get(Ref(ref.encode()))
    if found is None:
        raise Refused("git.no_branch", f"{remote.url} has no {ref}")
    if ref.startswith(TAGS):
        told = _fetched(remote, found)[found]
        found = told.object[1] if isinstance(told, Tag) else found  # an annotated tag is about a commit
    return bytes(found).decode()


def snapshot(remote: Remote, commit: str) -> Snapshot:
    """Fetch one commit without its history; raises as ``head`` does."""
    wanted = ObjectID(commit.encode())
    repository = _fetched(remote, wanted)
    found = repository[wanted]
    if not isinstance(found, Commit):
        raise Refused("git.no_commit", f"{commit} of {remote.url} is no commit")
    return Snapshot(
        commit=commit,
        author=found.author.decode(errors="replace"),
        message=found.message.decode(errors="replace"),
        committed_at=datetime.fromtimestamp(found.commit_time, UTC),
        files=tuple(_files(repository, found)),
    )


def _fetched(remote: Remote, wanted: ObjectID) -> MemoryRepo:
    client, path = _open(remote)
    repository = MemoryRepo()
    _asked(
        remote,
        lambda: client.fetch(
            path.encode(), repository, determine_wants=lambda _refs, _depth=None: [wanted], depth=1
        ),
    )
    return repository


def _files(repository: MemoryRepo, commit: Commit) -> Iterator[File]:
    for entry in iter_tree_contents(repository.object_store, commit.tree):
        submodule = entry.mode == SUBMODULE  # its commit is in another repository
        blob = None if submodule else repository[entry.sha]
        content = blob.data if isinstance(blob, Blob) else b""
        yield File(entry.path.decode(errors="replace"), entry.mode, content)


def _open(remote: Remote) -> tuple[GitClient, str]:
    if urlsplit(remote.url).scheme not in SCHEMES:
        raise Refused("git.scheme", f"{remote.url} is reached by neither of {', '.join(SCHEMES)}")
    return get_transport_and_path(
        remote.url, username=remote.username or None, password=remote.password or None
    )


def _asked(remote: Remote, ask: Callable[[], T]) -> T:
    """``ask``, with a repository's own troubles told as ours."""
    try:
        return ask()
    except HTTPUnauthorized as error:
        raise Permanent("git.unauthorized", f"{remote.url} wants other credentials") from error
    except NotGitRepository as error:
        raise Permanent("git.no_repository", f"{remote.url} is no Git repository") from error
    except (GitProtocolError, HangupException, HTTPError, OSError, KeyError) as error:
        raise Retryable("git.unreachable", f"{remote.url}: {type(error).__name__}: {error}") from error
