"""The scenarios: one file, one fault and what must come of it. The file's name is the scenario's name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

from nightshift import clock
from nightshift.incident import Incident
from tools.local.demo.world import World


@dataclass(frozen=True)
class Result:
    """What came of a scenario; ``seconds`` from the fault to the end of its incident."""

    name: str
    passed: bool
    outcome: str
    level: int
    seconds: float
    evidence: dict[str, object] = field(default_factory=dict)


class Scenario(Protocol):
    """A fault, and a judge who looks again and again until the outcome is certain."""

    name: str
    title: str
    patience_seconds: float

    def begin(self, world: World) -> None:
        """Break something real."""
        ...

    def judge(self, world: World) -> Result | None:
        """The result, once it is certain; None while it is not."""
        ...


class Healing(ABC):
    """What every scenario does that expects one remedy to heal one node."""

    name: str
    title: str
    node: str
    symptom = "service_down"
    remedy: str
    level: int
    patience_seconds = 60.0

    def begin(self, world: World) -> None:
        """Remember how the node was, then break it."""
        before = world.node(self.node)
        self.node_id, self.pid = before["id"], before["pid"]
        self.at = clock.now()
        self.fault(world)

    @abstractmethod
    def fault(self, world: World) -> None:
        """Break the node."""

    @abstractmethod
    def more(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """Further evidence: what was seen, and whether it is as it must be."""

    def judge(self, world: World) -> Result | None:
        """Certain when the incident has ended."""
        incident = world.incident_of(self.node_id, self.symptom)
        if incident is None or incident.state == "open" or not incident.closed_at:
            return None
        level = incident.current
        seen: dict[str, tuple[object, bool]] = {
            "remedies": (
                [one.remedy for one in incident.levels],
                bool(level and level.remedy == self.remedy),
            ),
            "outcome": (incident.state, incident.state == "healed"),
            "serves": (world.answers(incident.node_id), world.answers(incident.node_id)),
            "pages": (
                len(world.pager.about(incident.incident_id)),
                not world.pager.about(incident.incident_id),
            ),
            **self.more(world, incident),
        }
        seconds = (clock.parse(incident.closed_at) - self.at).total_seconds()
        evidence = {
            "incident": incident.incident_id,
            "node": self.node,
            **{name: value for name, (value, _) in seen.items()},
        }
        passed = all(right for _, right in seen.values()) and level is not None and level.level == self.level
        return Result(
            self.name, passed, incident.state, level.level if level else 0, round(seconds, 1), evidence
        )

    def restarted(self, world: World, incident: Incident) -> dict[str, tuple[object, bool]]:
        """The service runs as another process than before the fault."""
        node = world.node_by_id(incident.node_id)
        pid = node["pid"] if node else None
        return {"pid_before": (self.pid, True), "pid_after": (pid, pid not in (None, self.pid))}
