"""What the report of a pass holds: one row a node, and what changed since the pass before."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Shown(_Part):
    """One check of one node, with the values of the passes before (oldest first, this one last)."""

    value: float
    ill: bool
    reason: str
    history: tuple[float, ...]


class ReportRow(_Part):
    """One node. ``reason`` says why there are no readings; ``news`` what changed since the pass before."""

    node_id: str
    name: str
    group: str
    reason: str = ""
    readings: dict[str, Shown] = {}
    facts: dict[str, str] = {}
    uptime_seconds: int = 0
    top: tuple[str, ...] = ()
    news: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def ill(self) -> tuple[str, ...]:
        """The checks that are too high."""
        return tuple(name for name, shown in self.readings.items() if shown.ill)


class Report(_Part):
    """A whole pass."""

    pass_id: str
    by: str
    group: str
    started_at: str
    reported_at: str
    compared_with: str
    nodes: int
    answered: int
    findings: int
    drift: int
    gone: tuple[str, ...]
    rows: tuple[ReportRow, ...]
