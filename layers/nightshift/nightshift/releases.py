"""What is known of a built release: where it came from, where it is, and how it fared in each group."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.events import Instant
from nightshift.fleet import Release

State = Literal["built", "live", "good", "failed"]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# The documents' own allowedPattern of Version: what is built, a node must take.
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Commit = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
#: What a release may say of itself in ``.nightshift/rollback``.
UNSAFE = "unsafe"
_OBJECT_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Standing(BaseModel):
    """How a release fared in one group, and since when: live, good (it lasted) or failed (for ever)."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    state: Literal["live", "good", "failed"]
    at: Instant
    deployment_id: str = ""


class Built(Release):
    """One release: the archive of one commit, made once.

    ``standings`` are by group. ``rollback`` is ``unsafe`` when what it changed cannot be undone by going back
    to the release before (a migration, say): a person decides then.
    """

    app: str
    version: Version
    sha256: Sha256
    size: int = Field(ge=1, description="Bytes of the archive")
    unpacked: int = Field(ge=0, description="Bytes of all its files together")
    files: int = Field(ge=0, description="Members of the archive")
    commit: Commit
    author: str = Field(max_length=300)
    message: str = Field(max_length=1_000)
    committed_at: Instant
    created_at: Instant
    rollback: Literal["safe", "unsafe"] = "safe"
    standings: dict[str, Standing] = Field(default_factory=dict)

    def state_in(self, group: str) -> State:
        """How it fared in a group; ``built`` where it never was."""
        standing = self.standings.get(group)
        return standing.state if standing else "built"

    @property
    def artifact(self) -> Release:
        """Only what a node needs to fetch and check it."""
        return Release(version=self.version, key=self.key, sha256=self.sha256, size=self.size)


def version_of(commit: str, committed_at: datetime) -> str:
    """The one version of a commit: its time in UTC, so that text order is time order, and its id."""
    if not _OBJECT_ID.fullmatch(commit):
        raise ValueError(f"{commit!r} is no full object id")
    return f"{committed_at.astimezone(UTC):%Y%m%d%H%M%S}-{commit[:12]}"


def key_of(app: str, version: str) -> str:
    """Where a release's archive is in the artifacts bucket."""
    return f"releases/{app}/{version}.tar.gz"
