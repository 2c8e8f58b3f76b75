from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nightshift import policy
from nightshift.errors import Refused
from nightshift.policy import Policy
from nightshift.policy_healing import Healing
from tests.samples import ROOT

REMEDIES = frozenset({"restart_service", "rebuild_container", "replace_node", "clean_disk"})
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "nightshift.yaml").read_text())


def read(document: object) -> Policy:
    """Read a policy that is given as plain values."""
    return policy.read(yaml.safe_dump(document), REMEDIES)


def with_change(path: str, value: object) -> dict[str, Any]:
    """The annotated policy with one value changed, or added."""
    document = copy.deepcopy(GOOD)
    place: Any = document
    *folders, name = path.split(".")
    for folder in folders:
        place = place[folder]
    place[name] = value
    return document


def test_the_annotated_sample_is_sound_and_shows_the_defaults() -> None:
    """What nightshift.yaml says about its own limits is true: each is the default."""
    sound = read(GOOD)
    assert sound.healing == Healing()
    assert sound.symptoms["cpu_sustained"].for_seconds == 300


def test_groups_and_symptoms_are_found_by_what_aws_calls_them() -> None:
    """By Auto Scaling group and by metric; what is not named is None."""
    sound = read(GOOD)
    assert sound.group_of("web-prod") == "web-prod"
    assert sound.group_of("other") is None
    assert sound.symptom_of("AWS/EC2", "CPUUtilization") == "cpu_sustained"
    assert sound.symptom_of("AWS/EC2", "NetworkIn") is None


WRONG = {
    "version": 2,
    "surprise": "what is this",
    "groups": {},
    "groups.Web": {"app": "web", "service": "web", "auto_scaling_group": "w"},
    "groups.web-prod.app": "Web Shop",
    "groups.web-prod.service": "web; reboot",
    "groups.web-prod.auto_scaling_group": "",
    "symptoms": {},
    "symptoms.service_down.metric.resolution_seconds": 5,
    "symptoms.service_down.metric.statistic": "p99",
    "symptoms.service_down.metric.namespace": "",
    "symptoms.service_down.ladder": [],
    "symptoms.service_down.below": "low",
    "symptoms.service_down.above": 1,
    "symptoms.service_down.period_seconds": 45,
    "symptoms.service_down.for_seconds": 59,
    "symptoms.service_down.colour": "red",
    "healing.cooldown_seconds": 0,
    "healing.attempts": 0,
    "healing.lease_seconds": 90_000,
    "healing.settle_seconds": 1.5,
    "healing.share_percent": 49,
    "healing.deadline_seconds": "soon",
    "healing.attempts_window_seconds": None,
    "notify.webhooks": ["ftp://pager.example/x"],
}


@pytest.mark.parametrize("path", WRONG)
def test_each_wrong_value_is_refused_and_its_place_is_named(path: str) -> None:
    """Whoever wrote it finds it at once."""
    with pytest.raises(Refused) as refused:
        read(with_change(path, WRONG[path]))
    assert refused.value.code == "policy.invalid"
    place, _, field = path.rpartition(".")
    assert (place or field) in refused.value.message


def test_a_remedy_that_stands_twice_is_refused() -> None:
    """A ladder that tries the same again and again never reaches a person."""
    with pytest.raises(Refused, match=r"symptoms\.disk_full: .*twice") as refused:
        read(with_change("symptoms.disk_full.ladder", ["clean_disk", "clean_disk"]))
    assert refused.value.code == "policy.invalid"


def test_a_ladder_names_known_remedies_only() -> None:
    """A misspelt remedy is found when the policy is adopted, not at three in the morning."""
    with pytest.raises(Refused, match=r"symptoms\.disk_full\.ladder\.0: there is no clean_disc") as refused:
        read(with_change("symptoms.disk_full.ladder", ["clean_disc"]))
    assert refused.value.code == "policy.unknown_remedy"


def test_two_groups_may_not_share_an_auto_scaling_group() -> None:
    """A node would have two policies."""
    group = {"app": "web", "service": "web", "auto_scaling_group": "web-prod"}
    with pytest.raises(Refused, match="auto_scaling_group"):
        read(with_change("groups.web-test", group))


def test_two_symptoms_may_not_read_the_same_metric() -> None:
    """An alarm would not name one."""
    with pytest.raises(Refused, match="same metric"):
        read(with_change("symptoms.service_gone", GOOD["symptoms"]["service_down"]))


@pytest.mark.parametrize(
    "text",
    [
        "version: [",
        "a: b: c",
        "version: 1\n\tgroups: {}",
        "!!python/object/apply:os.system ['true']",
        "version: 2026-99-99",
        "[" * 600,
        "version: 1\x00",
        "? {a: b}\n: c",
    ],
)
def test_text_that_is_no_yaml_is_refused_and_never_run(text: str) -> None:
    """Broken, hostile or merely odd: a code and a reason, no crash."""
    with pytest.raises(Refused) as refused:
        policy.read(text, REMEDIES)
    assert refused.value.code == "policy.unreadable"


@given(st.text(max_size=60))
def test_no_text_at_all_crashes_the_reader(text: str) -> None:
    """Whatever stands in the bucket: a policy or a refusal."""
    with pytest.raises(Refused) as refused:
        policy.read(text, REMEDIES)
    assert refused.value.code in {"policy.unreadable", "policy.invalid"}


@pytest.mark.parametrize("above", ["nan", "inf", "-inf"])
def test_a_threshold_is_a_number(above: str) -> None:
    """Nothing is above not-a-number: such a symptom would never be seen."""
    with pytest.raises(Refused):
        read(with_change("symptoms.cpu_sustained.above", above))


def test_a_policy_survives_the_table() -> None:
    """What is stored as JSON is read back as the same policy."""
    sound = read(with_change("notify.webhooks", ["https://pager.example/hook?team=1"]))
    assert Policy.model_validate_json(sound.model_dump_json()) == sound
