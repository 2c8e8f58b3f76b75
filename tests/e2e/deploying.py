"""The app web of a running stack: its nodes, its deployments, and what its processes say."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tests.e2e.conftest import Stack, wait

GROUP = "web-local"
OVER = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True)
class Web:
    """Everything is asked afresh, and read consistently."""

    stack: Stack

    def nodes(self) -> list[dict[str, Any]]:
        """The group's nodes as the fleet describes them."""
        with urllib.request.urlopen(f"{self.stack.facts()['fleet']}/fleet/nodes", timeout=5) as answer:
            return [node for node in json.load(answer) if node["group"] == GROUP]

    def node(self, node_id: str) -> dict[str, Any]:
        """One of them."""
        return next(node for node in self.nodes() if node["id"] == node_id)

    def served(self) -> dict[str, str]:
        """The version that each running process says, by node; an empty one where none answers."""
        return {node["id"]: _version(node["url"]) for node in self.nodes()}

    def inventory(self) -> dict[str, str]:
        """The release that Nightshift believes to be on each node in service."""
        mine = [one for one in self._scan("NodesTable") if one["group"] == GROUP]
        return {one["node_id"]: one.get("release", "") for one in mine if one["state"] == "in_service"}

    def group(self) -> dict[str, Any]:
        """The group's item."""
        return next(one for one in self._scan("GroupsTable") if one["group"] == GROUP)

    def desired(self) -> str:
        """The version that every node should run."""
        return str(self.group()["desired_release"]["version"])

    def deployments(self, besides: Collection[str] = ()) -> list[dict[str, Any]]:
        """The group's deployments but for those with these ids, the oldest first."""
        found = [one for one in self._scan("DeploymentsTable") if one["group"] == GROUP]
        fresh = [one for one in found if one["deployment_id"] not in besides]
        return sorted(fresh, key=lambda one: one["created_at"])

    def known(self) -> set[str]:
        """The ids of all deployments so far."""
        return {one["deployment_id"] for one in self.deployments()}

    def deployment(self, deployment_id: str) -> dict[str, Any]:
        """One deployment."""
        return next(one for one in self.deployments() if one["deployment_id"] == deployment_id)

    def begun(self, besides: set[str]) -> str:
        """The id of the first deployment that is none of ``besides``, as soon as there is one."""
        found = wait(lambda: self.deployments(besides), 30, "a deployment begins")
        return str(found[0]["deployment_id"])

    def over(self, deployment_id: str) -> dict[str, Any]:
        """A deployment at its end."""

        def ended() -> dict[str, Any] | None:
            one = self.deployment(deployment_id)
            return one if one["state"] in OVER else None

        return dict(wait(ended, 90, f"{deployment_id} ends"))

    def is_idle(self) -> bool:
        """Whether every deployment is over."""
        return all(one["state"] in OVER for one in self.deployments())

    def is_quiet(self) -> bool:
        """Whether every node serves the group's release, has its requests, and nobody works on anything."""
        group, served = self.group(), self.served()
        return (
            self.is_idle()
            and not (group.get("troubled") or group.get("storm"))
            and len(served) == 3
            and set(served.values()) == {self.desired()}
            and self.inventory() == served
            and not set(group.get("drained", ())) & set(served)
        )

    def _scan(self, table: str) -> list[dict[str, Any]]:
        from nightshift.aws.tables import plain

        pages = self.stack.client("dynamodb").get_paginator("scan")
        name = self.stack.facts()["outputs"][table]
        return [
            plain(item)
            for page in pages.paginate(TableName=name, ConsistentRead=True)
            for item in page["Items"]
        ]


def _version(url: str) -> str:
    try:
        with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
            return str(json.load(answer)["version"])
    except OSError:
        return ""
