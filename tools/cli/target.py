"""Which stack a person means, before anybody has looked whether it is there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What the person asked for on the command line; empty means: find out."""

    endpoint: str = ""
    profile: str = ""
    region: str = ""
    stack: str = "nightshift"

    @property
    def aws(self) -> bool:
        """Whether an AWS account was named, local stack or not."""
        return bool(self.profile or self.region) and not self.endpoint
