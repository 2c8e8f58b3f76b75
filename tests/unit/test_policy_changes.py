"""What another policy would change is said in plain words, and what it loosens is flagged."""

from __future__ import annotations

import pytest

from nightshift import policy, policy_changes, policy_schema, remedies
from nightshift.policy import Policy
from nightshift.policy_words import said
from tests.samples import ROOT

TEXT = (ROOT / "nightshift.yaml").read_text()
GROUP = "    auto_scaling_group: web-prod\n"
TARGET = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123456789abcdef"


def read(*replacements: tuple[str, str]) -> Policy:
    """The annotated sample with other text."""
    text = TEXT
    for old, new in replacements:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return policy.read(text, remedies.names())


BEFORE = read()
SAID = {
    ("attempts: 3 ", "attempts: 5 "): (
        "LOOSENED healing.attempts: a node may be given 5 remedies within 1 hour instead of 3"
    ),
    (
        "attempts: 3 ",
        "attempts: 2 ",
    ): "healing.attempts: a node may be given 2 remedies within 1 hour instead of 3",
    ("settle_seconds: 120", "settle_seconds: 90"): (
        "LOOSENED healing.settle_seconds: a symptom counts as healed when it is gone for"
        " 1 minute 30 seconds instead of 2 minutes"
    ),
    ("min_healthy: 50% # nodes", "min_healthy: 60% # nodes"): (
        "healing.min_healthy: 60% of a group's nodes must be healthy besides the healed one instead of 50%"
    ),
    ("approval_for: []", "approval_for: [high]"): (
        "healing.approval_for: remedies of these risks wait for a person: high instead of none"
    ),
    (
        "gates: []",
        "gates: [ci]",
    ): "apps.web.gates: a commit must pass ci before it is deployed instead of none",
    ("recheck_seconds: 60", "recheck_seconds: 30"): (
        "healing.recheck_seconds: 30 seconds instead of 1 minute (How often a waiting incident asks again)"
    ),
    ("    service: web #", "    service: shop #"): (
        "groups.web-prod.service: shop instead of web (The unit that systemd or supervisor runs on the node)"
    ),
    (GROUP, GROUP + "    healing: { attempts: 4 }\n"): (
        "LOOSENED groups.web-prod.healing.attempts: a node may be given 4 remedies within 1 hour instead of 3"
    ),
    (GROUP, GROUP + f"    traffic: {{ target_group: '{TARGET}' }}\n"): (
        f"groups.web-prod.traffic: is new: target_group {TARGET}"
    ),
    (GROUP, GROUP + "  api: { app: api, service: api, auto_scaling_group: api }\n"): (
        "groups.api: is new: app api, service api, auto_scaling_group api"
    ),
    ("webhooks: []", "webhooks: ['https://pager.example/a/path']"): (
        "notify.webhooks: https://pager.example/… instead of none"
        f" ({(policy_schema.field(('notify', 'webhooks')) or {})['description']})"
    ),
    ("clean_disk, replace_node]", "clean_disk]"): (
        "symptoms.disk_full.ladder: the remedies are clean_disk instead of clean_disk, replace_node"
    ),
}


@pytest.mark.parametrize("change", SAID)
def test_a_change_is_said_in_plain_words(change: tuple[str, str]) -> None:
    """With units, with the field's own sentence where it has one, and flagged where it loosens a limit."""
    assert [str(one) for one in policy_changes.changes(BEFORE, read(change))] == [SAID[change]]


LOOSER_WHEN_UNDONE = [
    ("approval_for: []", "approval_for: [high]"),
    ("gates: []", "gates: [ci]"),
    (GROUP, GROUP + f"    traffic: {{ target_group: '{TARGET}' }}\n"),
    ("maintenance: []", "maintenance: [{cron: '0 2 * * SUN', duration_minutes: 60, why: backup}]"),
    ("attempts: 3 ", "attempts: 2 "),
    ("clean_disk, replace_node]", "clean_disk]"),
    (GROUP, GROUP + "    healing: { attempts: 1 }\n"),
]


@pytest.mark.parametrize("change", LOOSER_WHEN_UNDONE)
def test_what_tightens_one_way_loosens_the_other(change: tuple[str, str]) -> None:
    """A question less, a check less, a window less, an attempt more."""
    tighter = read(change)
    assert [one.loosens for one in policy_changes.changes(BEFORE, tighter)] == [False]
    assert [one.loosens for one in policy_changes.changes(tighter, BEFORE)] == [True]


def test_a_share_and_a_number_cannot_be_compared_so_somebody_looks() -> None:
    """Flagged in both directions, and said why."""
    counted = read(("min_healthy: 50% # nodes", "min_healthy: 2 # nodes"))
    for before, after in ((BEFORE, counted), (counted, BEFORE)):
        (change,) = policy_changes.changes(before, after)
        assert change.loosens
        assert "a share and a number" in change.words


def test_a_group_that_goes_is_one_change() -> None:
    """Not one for each of its fields."""
    more = read((GROUP, GROUP + "  api: { app: api, service: api, auto_scaling_group: api }\n"))
    (change,) = policy_changes.changes(more, BEFORE)
    assert (change.path, change.words, change.after) == ("groups.api", "is gone", None)


def test_what_the_policy_loosens_for_all_is_said_of_a_group_that_does_not_care_only_once() -> None:
    """A group with a limit of its own is not touched by the policy's."""
    own = (GROUP, GROUP + "    healing: { attempts: 1 }\n")
    found = policy_changes.changes(read(own), read(own, ("attempts: 3 ", "attempts: 5 ")))
    assert [one.path for one in found] == ["healing.attempts"]


def test_the_same_policy_changes_nothing() -> None:
    """Also when it is written otherwise."""
    assert policy_changes.changes(BEFORE, read(("attempts: 3 ", "attempts:   0x3 "))) == []


def test_every_field_has_words() -> None:
    """Those of its unit; no value is printed as a program would."""
    for path, schema in policy_schema.fields():
        words = said(".".join(path), schema.get("default"))
        assert words
        assert "[" not in words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (86_400, "1 day"),
        (5_400, "1 hour 30 minutes"),
    ],
)
def test_seconds_are_said_as_a_clock_would(seconds: int, words: str) -> None:
    """No arithmetic at three in the morning."""
    assert said("healing.lease_seconds", seconds) == words
