"""What an outside check said of a commit."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.events import Instant


class Report(BaseModel):
    """The newest report of one gate about one commit; ``url`` is where a person reads more."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    commit: str
    gate: str
    verdict: Literal["passed", "failed"]
    url: str = ""
    at: Instant
