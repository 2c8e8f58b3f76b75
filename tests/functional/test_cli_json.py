"""Every reading command with --json, on a stack in which something has happened: JSON and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightshift.aws import session
from tests.functional.machine import heal
from tests.functional.staging import POLICY, made
from tests.functional.test_cli_deployments import Here
from tests.unit.test_cli_manners import LINES_OF_JSON, READING
from tools.cli import app, connection


class Whole(Here):
    """All that a connection offers."""

    place: dict[str, str] = {"stack": "nightshift"}  # noqa: RUF012 - as the connection's own

    def client(self, service: str) -> Any:
        """A client of the world."""
        return session.client(service)

    def fleet_nodes(self) -> dict[str, Any]:
        """No node runs on this machine."""
        return {}


@pytest.fixture(scope="module")
def incident() -> Iterator[str]:
    """An incident that was healed."""
    with made() as world:
        sick, _ = world.instances()
        world.fall_ill(sick)
        incident_id, _ = heal(world, sick)
        yield incident_id


@pytest.fixture
def arguments(incident: str, tmp_path: Path) -> dict[str, list[str]]:
    """What a command cannot do without."""
    file = tmp_path / "nightshift.yaml"
    file.write_text(POLICY)
    return {
        "config explain": ["healing"],
        "config diff": [str(file)],
        "config validate": [str(file)],
        "diagnostics": [incident],
        "releases": ["web"],
        "replay": [incident],
        "what-if": [str(file)],
        "why": [incident],
    }


@pytest.mark.parametrize("name", sorted(set(READING) - LINES_OF_JSON))
def test_a_reading_command_prints_json_and_nothing_else(
    name: str, arguments: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Exit 0, or 1 where that is the answer; what a program reads is on standard output alone."""
    monkeypatch.setattr(connection, "Connection", Whole)
    given = ["--region", "us-east-1", *name.split(), *arguments.get(name, []), "--json"]
    code = app.main(given)
    told = capsys.readouterr()
    assert code in (0, 1), told.err
    assert "nightshift itself has a mistake" not in told.err
    json.loads(told.out)
