"""What a person may do to a node while the stack is up, and what must come of it."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stack
from tools.local.fleet import faults

pytestmark = pytest.mark.e2e


def bystanders(stack: Stack, node_id: str) -> dict[str, int]:
    """The pids of everything that must not be restarted."""
    others = [node for node in stack.json("nodes") if node["local"] and node["id"] != node_id]
    pids = {node["id"]: node["local"]["pid"] for node in others}
    return {**pids, **stack.facts()["pid"]}


def heals(stack: Stack, before: dict[str, int], known: set[str], node_id: str) -> dict[str, Any]:
    """The node's incident ends healed, and nothing else was restarted."""
    incident = stack.ended(node_id, known)
    assert incident["state"] == "healed", stack.run("why", incident["id"]).stdout
    now = bystanders(stack, node_id)
    assert {pid: now.get(pid) for pid in before} == before
    return incident


def test_a_killed_service_is_restarted(stack: Stack) -> None:
    """SIGKILL: healed at level 1."""
    node, known = stack.node("web-local-1"), stack.known()
    before = bystanders(stack, node["id"])
    os.kill(node["pid"], signal.SIGKILL)
    incident = heals(stack, before, known, node["id"])
    assert [level["remedy"] for level in incident["levels"]] == ["restart_service"]


def test_a_hung_service_is_restarted(stack: Stack) -> None:
    """SIGSTOP leaves the port open and nobody answers: healed at level 1."""
    node, known = stack.node("web-local-2"), stack.known()
    before = bystanders(stack, node["id"])
    os.kill(node["pid"], signal.SIGSTOP)
    incident = heals(stack, before, known, node["id"])
    assert [level["remedy"] for level in incident["levels"]] == ["restart_service"]


def test_a_deleted_release_file_is_brought_back(stack: Stack) -> None:
    """No restart can bring a file back: healed at level 2."""
    node, known = stack.node("api-local-1"), stack.known()
    before = bystanders(stack, node["id"])
    (Path(node["dir"]) / "releases" / "current" / "server.py").unlink()
    incident = heals(stack, before, known, node["id"])
    assert [level["remedy"] for level in incident["levels"]] == ["restart_service", "rebuild_container"]


def test_an_unreadable_folder_is_mended(stack: Stack) -> None:
    """The node's folder is unreadable to the service: healed at level 2."""
    node, known = stack.node("api-local-2"), stack.known()
    before = bystanders(stack, node["id"])
    Path(node["dir"]).chmod(0)
    incident = heals(stack, before, known, node["id"])
    assert incident["levels"][-1]["remedy"] == "rebuild_container"


def test_a_node_whose_port_was_taken_is_replaced(stack: Stack) -> None:
    """A stranger on the service's port is never killed; the node is replaced and the stranger lives on."""
    node, known = stack.node("web-local-3"), stack.known()
    before = bystanders(stack, node["id"])
    stranger = faults.take_port(node)
    try:
        incident = heals(stack, before, known, node["id"])
        assert incident["levels"][-1]["remedy"] == "replace_node"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
    states = {one["id"]: one["state"] for one in stack.json("nodes")}
    assert states.get(node["id"], "terminated") == "terminated"


def test_a_lost_releases_folder_is_recreated(stack: Stack) -> None:
    """Everything that was ever installed is gone: healed at level 2."""
    node, known = stack.node("api-local-3"), stack.known()
    before = bystanders(stack, node["id"])
    shutil.rmtree(Path(node["dir"]) / "releases")
    incident = heals(stack, before, known, node["id"])
    assert incident["levels"][-1]["remedy"] == "rebuild_container"
