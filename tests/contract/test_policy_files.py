"""The policies that are shipped: sound, honest about defaults, and fit for what CloudWatch can do."""

from __future__ import annotations

import pytest
import yaml

from nightshift import policy, remedies
from nightshift.policy import Policy
from nightshift.policy_healing import Healing
from tests.samples import ROOT

FILES = ("nightshift.yaml", "tools/local/policy.yaml")


def shipped(path: str) -> Policy:
    """A policy file, read as adopt_policy reads it."""
    return policy.read((ROOT / path).read_text(), remedies.names())


def test_the_annotated_sample_shows_every_limit_with_its_default() -> None:
    """``healing`` there is a reference: each name, each default value."""
    shown = yaml.safe_load((ROOT / "nightshift.yaml").read_text())["healing"]
    assert shown == Healing().model_dump(mode="json")


@pytest.mark.parametrize("path", FILES)
def test_a_symptom_can_be_seen_to_last_and_to_be_gone(path: str) -> None:
    """Durations and the metric's resolution fit together: samples are there to decide upon."""
    for name, symptom in shipped(path).symptoms.items():
        resolution = symptom.metric.resolution_seconds
        healing = shipped(path).healing
        assert symptom.for_seconds >= resolution, name
        assert healing.settle_seconds >= resolution, name
        assert healing.stale_seconds >= healing.settle_seconds, name
        assert healing.verify_timeout_seconds > healing.settle_seconds, name


@pytest.mark.parametrize("path", FILES)
def test_a_lease_outlives_one_rung(path: str) -> None:
    """Acting and verifying fit into a lease, which each admission renews."""
    healing = shipped(path).healing
    assert healing.lease_seconds > healing.verify_timeout_seconds


@pytest.mark.parametrize("path", FILES)
def test_a_full_disk_is_never_restarted(path: str) -> None:
    """A restart cannot empty a disk; the mildest remedy that can help comes first."""
    assert shipped(path).symptoms["disk_full"].ladder[0] == "clean_disk"
    for symptom in shipped(path).symptoms.values():
        risks = [remedies.load(remedy).RISK for remedy in symptom.ladder]
        assert risks == sorted(risks, key=["low", "medium", "high"].index)


def test_the_local_policy_watches_the_groups_that_are_seeded() -> None:
    """Otherwise nothing in the demo would be healed."""
    from tools.local.seed import GROUPS

    local = shipped("tools/local/policy.yaml")
    assert {group.name for group in GROUPS} == set(local.groups)
    for group in GROUPS:
        assert local.groups[group.name].app == group.app
