"""Real pushes to the local repository: what a rollout does when its release, or its luck, turns."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack, wait
from tools.local.demo import repository

pytestmark = pytest.mark.e2e
GROUP = "web-local"


@pytest.fixture
def pushing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack whose repository this test pushes to."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(stack.home))
    return stack


def nodes(stack: Stack) -> list[dict[str, Any]]:
    """The group's nodes as the fleet describes them."""
    with urllib.request.urlopen(f"{stack.facts()['fleet']}/fleet/nodes", timeout=5) as answer:
        return [node for node in json.load(answer) if node["group"] == GROUP]


def served(stack: Stack) -> set[str]:
    """The versions that the running processes say; an empty one where none answers."""

    def version(url: str) -> str:
        try:
            with urllib.request.urlopen(f"{url}/version", timeout=5) as answer:
                return str(json.load(answer)["version"])
        except OSError:
            return ""

    return {version(node["url"]) for node in nodes(stack)}


def deployment(stack: Stack, deployment_id: str) -> dict[str, Any]:
    """One deployment as it stands in its table."""
    from nightshift.aws.tables import plain

    key = {"deployment_id": {"S": deployment_id}}
    table = stack.facts()["outputs"]["DeploymentsTable"]
    return plain(stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)["Item"])


def begun(stack: Stack, commit: str) -> dict[str, Any]:
    """The deployment that a push began, as soon as there is one."""

    def found() -> dict[str, Any] | None:
        return next((one for one in stack.json("deployments") if one["commit"] == commit), None)

    return dict(wait(found, 30, f"{commit[:12]} is being deployed"))


def over(stack: Stack, deployment_id: str) -> dict[str, Any]:
    """A deployment at its end."""

    def ended() -> dict[str, Any] | None:
        one = deployment(stack, deployment_id)
        return one if one["state"] in ("Succeeded", "Failed", "Stopped") else None

    return dict(wait(ended, 90, f"{deployment_id} ends"))


def test_a_release_that_degrades_while_it_is_watched_is_taken_back(pushing: Stack) -> None:
    """Found well, then ill: its node serves the old version again, and the others never had it."""
    before = served(pushing)
    healthy = "if fault is None:"
    commit = repository.push(
        "server.py", (healthy, 'if fault is None and not (self.server.root / "degraded").exists():')
    )
    deployment_id = begun(pushing, commit)["deployment_id"]

    def well() -> str:
        touched = deployment(pushing, deployment_id)["nodes"]
        return next((node for node, one in touched.items() if one["state"] == "Succeeded"), "")

    node_id = wait(well, 60, "the first node is found well")
    (folder,) = [Path(node["dir"]) for node in nodes(pushing) if node["id"] == node_id]
    (folder / "degraded").touch()
    failed = over(pushing, deployment_id)
    assert failed["state"] == "Failed"
    undone = over(pushing, failed["undone_by"])
    (folder / "degraded").unlink()
    assert (undone["state"], served(pushing)) == ("Succeeded", before)
    assert set(undone["nodes"]) == set(failed["nodes"])
