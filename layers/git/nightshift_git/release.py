"""A commit as a release: its archive, and what is noted of it before any node hears of it."""

from __future__ import annotations

from datetime import datetime

from nightshift import clock, releases
from nightshift.releases import Built
from nightshift_git import archive
from nightshift_git.repository import Snapshot


def build(commit: Snapshot, app: str, now: datetime) -> tuple[Built, bytes]:
    """The release of ``commit``, and the archive to store under its key; raises as ``archive.build`` does."""
    version = releases.version_of(commit.commit, commit.committed_at)
    made = archive.build(commit, app, version)
    built = Built(
        app=app,
        version=version,
        key=releases.key_of(app, version),
        sha256=made.sha256,
        size=len(made.content),
        unpacked=made.unpacked,
        files=made.files,
        commit=commit.commit,
        author=commit.author[:300],
        message=commit.message[:1_000],
        committed_at=clock.iso(commit.committed_at),
        created_at=clock.iso(now),
        rollback="unsafe" if made.unsafe else "safe",
    )
    return built, made.content
