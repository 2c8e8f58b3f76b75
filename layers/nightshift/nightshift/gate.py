"""What an outside check said of a commit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.events import Instant


class Report(BaseModel):
    """The newest report of one ``check`` of a gate about one commit, by who knows ``secret``.

    ``url`` is where a person reads more.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    commit: str
    gate: str
    check: str = ""
    secret: str = ""
    verdict: Literal["passed", "failed"]
    url: str = ""
    at: Instant

    @property
    def source(self) -> str:
        """Who said it: reports of one source replace each other, and never another's."""
        return f"{self.gate}@{self.secret}/{self.check}"
