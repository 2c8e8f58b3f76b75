"""What the policy says of apps: where they come from, where they go to, and how carefully."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from nightshift.strategy import Strategy

# What neither leaves this machine nor travels unencrypted, and holds no credentials.
Repository = Annotated[str, Field(pattern=r"^(https|file)://[^@\s]+$", max_length=500)]
Branch = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$")]


class App(BaseModel):
    """An app that a push to its branch deploys.

    ``credentials`` names a secret below ``<stack>/git/`` in Secrets Manager, JSON with ``username`` and
    ``password``; empty for a repository that anybody may read.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    repository: Repository
    branch: Branch = "main"
    groups: tuple[str, ...] = Field(min_length=1, description="Each is deployed to by itself")
    strategy: Strategy = Strategy()
    credentials: str = Field("", pattern=r"^([A-Za-z0-9/_+=.-]{1,200})?$")

    def is_pushed(self, repositories: tuple[str, ...], ref: str) -> bool:
        """Whether a push to ``ref`` of a repository with these addresses is one to this app's branch."""
        return ref == f"refs/heads/{self.branch}" and plain(self.repository) in map(plain, repositories)


def plain(repository: str) -> str:
    """A repository's address as it is compared: hosts ignore case, and ``.git`` may be left out."""
    scheme, _, rest = repository.partition("://")
    host, _, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}/{path.removesuffix('/').removesuffix('.git')}"
