"""The stack as a thing that is started and stopped."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from tests.e2e.conftest import Stack, free_base

pytestmark = pytest.mark.e2e


def family(stack: Stack) -> list[psutil.Process]:
    """Every process of the stack, by the state folder in its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(stack.home) in value for value in process.environ().values()):
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    """No process of the stack has a listener that another machine could reach."""
    listening = [
        connection.laddr
        for process in family(stack)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) > 20  # cloud, fleet, moto, two proxies, and three listeners on each of six nodes
    assert {address.ip for address in listening} == {"127.0.0.1"}


def test_a_second_up_says_so(stack: Stack) -> None:
    """It is no failure, and nothing is started twice."""
    before = len(family(stack))
    again = stack.run("up")
    assert again.returncode == 0
    assert "already up" in again.stdout + again.stderr
    assert len(family(stack)) == before


def test_nodes_and_incidents_have_their_documented_shape(stack: Stack) -> None:
    """Programs may rely on these fields."""
    nodes = stack.json("nodes")
    assert len([node for node in nodes if node["state"] == "in_service"]) == 6
    assert [node["id"] for node in nodes if node["transport"] == "ssh"] == ["depot-1", "depot-2"]
    for node in nodes:
        assert set(node) == {"id", "name", "app", "group", "transport", "state", "release", "url", "local"}
    assert all(
        set(node["local"]) == {"dir", "pid", "port"} for node in nodes if node["state"] == "in_service"
    )
    for incident in stack.json("incidents"):
        assert {"id", "subject", "symptom", "state", "reason", "opened_at", "closed_at", "levels"} <= set(
            incident
        )
        assert all(set(level) >= {"level", "remedy", "outcome", "seconds"} for level in incident["levels"])


def test_a_port_in_use_is_a_clear_error(tmp_path: Path) -> None:
    """The error names the port and how to choose another one, and nothing is left running."""
    other = Stack(tmp_path, free_base())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other.port))
        taken.listen()
        up = other.run("up")
    assert up.returncode == 1
    assert str(other.port) in up.stdout + up.stderr
    assert "NIGHTSHIFT_PORT" in up.stdout + up.stderr
    assert family(other) == []


def test_one_function_runs_on_one_sample(stack: Stack) -> None:
    """What ``make invoke`` does: the packaged function answers, with its log."""
    done = stack.run("invoke", "adopt_policy", "schedule/adopt_policy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "policy_version" in done.stdout


def test_down_leaves_nothing_behind(tmp_path: Path) -> None:
    """No process and no file but the demo's report, which a person may still want to read."""
    mine = Stack(tmp_path / "home", free_base())
    assert mine.run("up").returncode == 0
    temporary = {
        Path(process.environ()["TMPDIR"]) for process in family(mine) if "TMPDIR" in process.environ()
    }
    assert all(str(folder).startswith(str(mine.home)) for folder in temporary)
    (mine.home / "demo-report.json").write_text("{}")
    assert mine.run("down").returncode == 0
    assert family(mine) == []
    assert [path.name for path in mine.home.iterdir()] == ["demo-report.json"]
