"""The demo, as a newcomer runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, free_base

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(520)]
SCENARIOS = {
    "restart_service": ("healed", 1),
    "rebuild_container": ("healed", 2),
    "replace_node": ("healed", 3),
    "unhealable_pages_once": ("escalated", 3),
    "spike_ignored": ("suppressed", 0),
    "sustained_healed": ("healed", 1),
    "disk_cleaned": ("healed", 1),
    "storm_guard": ("healed", 1),
    "approval_required": ("healed", 3),
    "flapping_pages": ("escalated", 0),
    "crash_mid_heal_resumes": ("healed", 1),
    "inspection_finding_heals": ("healed", 1),
    "run_command_ssm_and_ssh": ("Success", 0),
    "push_deploys": ("Succeeded", 0),
    "bad_push_rolls_back": ("Failed", 0),
    "manual_rollback": ("Succeeded", 0),
}


def test_every_scenario_of_the_demo_passes(tmp_path: Path) -> None:
    """Exit 0, and the report says for each fault what came of it, with evidence."""
    mine = Stack(tmp_path, free_base())
    done = mine.run("demo", "--plain", timeout=500)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    report = json.loads((tmp_path / "demo-report.json").read_text())
    assert report["version"] == 1
    assert "decisions made again, each the same byte for byte" in done.stdout
    found = {one["name"]: one for one in report["scenarios"]}
    assert {name: (one["outcome"], one["level"]) for name, one in found.items()} == SCENARIOS
    assert all(one["passed"] and one["evidence"] for one in found.values())
    assert found["unhealable_pages_once"]["evidence"]["pages"] == {"sns": 1, "webhook": 1}
