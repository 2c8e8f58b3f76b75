"""What the scenarios of deployments share: a push or an order, and what the nodes serve after it."""

from __future__ import annotations

import json
import urllib.request
from abc import ABC, abstractmethod

from nightshift import clock
from nightshift.deployment import Deployment
from tools.local.demo.scenarios import Result
from tools.local.demo.world import World

GROUP = "web-local"


class Deploying(ABC):
    """One deployment to web-local, and the one that undoes it if one does."""

    name: str
    title: str
    outcome: str
    patience_seconds = 90.0

    def begin(self, world: World) -> None:
        """Remember what is served and which deployments there were, then cause another."""
        self.before = served(world)
        self.known = {one.deployment_id for one in world.deployments(GROUP)}
        self.at = clock.now()
        self.cause(world)

    @abstractmethod
    def cause(self, world: World) -> None:
        """Push, or order."""

    @abstractmethod
    def seen(self, world: World, first: Deployment, last: Deployment) -> dict[str, tuple[object, bool]]:
        """The evidence: what was seen, and whether it is as it must be."""

    def judge(self, world: World) -> Result | None:
        """Certain when the deployment is over, and what undoes it too."""
        fresh = [one for one in world.deployments(GROUP) if one.deployment_id not in self.known]
        if not fresh or not all(one.is_over for one in fresh) or (fresh[0].undone_by and len(fresh) == 1):
            return None
        first, last = fresh[0], fresh[-1]
        if not self.is_told(world, last):
            return None
        found = self.seen(world, first, last)
        ended = clock.parse(last.closed_at or last.created_at)
        evidence = {"deployment": first.deployment_id, **{name: value for name, (value, _) in found.items()}}
        passed = all(right for _, right in found.values()) and first.state == self.outcome
        seconds = round((ended - self.at).total_seconds(), 1)
        return Result(self.name, passed, first.state, 0, seconds, evidence)

    def is_told(self, _world: World, _last: Deployment) -> bool:
        """Whether whoever must hear of it has heard."""
        return True


def served(world: World) -> dict[str, str]:
    """The version that each node's running process says it is; empty when it does not answer."""
    return {str(node["name"]): _version(node["url"]) for node in world.nodes if node["group"] == GROUP}


def _version(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
            return str(json.load(answer)["version"])
    except OSError:  # an earlier scenario left it to a person
        return ""


def seconds(deployment: Deployment) -> float:
    """How long a deployment took from its first touch."""
    begun = min((one.started_at for one in deployment.nodes.values()), default=deployment.created_at)
    return (clock.parse(deployment.closed_at or begun) - clock.parse(begun)).total_seconds()
