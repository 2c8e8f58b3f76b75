"""What is wrong with a policy is told with its line and column, also what only contradicts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import policy
from nightshift.errors import Refused
from nightshift.policy_source import Problem
from tests.samples import ROOT

REMEDIES = frozenset({"restart_service", "replace_node"})
TEXT = """\
version: 1
groups:
  web: { app: web, service: web, auto_scaling_group: web }
  api:
    app: api
    service: api
    auto_scaling_group: api
symptoms:
  down:
    metric: { namespace: N, name: Up, resolution_seconds: 60 }
    below: 1
    for_seconds: 60
    ladder:
      - restart_service
      - replace_node
healing:
  settle_seconds: 120
maintenance:
  - cron: "0 2 * * SUN"
    duration_minutes: 60
    zone: Europe/Berlin
    groups: [web]
    why: backup
"""


def problems(old: str = "", new: str = "") -> list[Problem]:
    """What is found when ``old`` is written as ``new``."""
    assert old in TEXT
    return policy.check(TEXT.replace(old, new, 1), REMEDIES)[1]


def test_the_text_of_these_tests_is_sound() -> None:
    """So each case below has one reason."""
    assert problems() == []


ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
RULE, BLUE, GREEN = (
    f"{ELB}:{one}" for one in ("listener-rule/app/w/a1/b2/c3", "targetgroup/b/1", "targetgroup/g/2")
)
APPS = f"""apps:
  api:
    repository: https://github.com/acme/api
    groups: [api, web]
    strategy:
      kind: blue_green
      front: {{ kind: listener_rule, address: "{RULE}", target_groups: {{ api: "{BLUE}", web: "{GREEN}" }} }}
symptoms:"""


def test_a_sound_blue_green_app_is_taken() -> None:
    """So each case below has one reason."""
    assert problems("symptoms:", APPS) == []


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("      front:", "      # front:", "blue_green needs a front"),
        ("kind: blue_green", "kind: rolling", "a front is switched by blue_green only"),
        ("groups: [api, web]", "groups: [api]", "the app's groups are api; its front must know these two"),
        (f', web: "{GREEN}"', "", "two groups, each with a target of its own"),
        (GREEN, BLUE, "two groups, each with a target of its own"),
        ("kind: listener_rule", "kind: mirror", "there is no front mirror; there are listener_rule"),
        (RULE, f"{ELB}:loadbalancer/app/w/a1", "is no address of a listener_rule"),
        (GREEN, "http://127.0.0.1:8080", "is no target of a listener_rule"),
        ("kind: blue_green", "kind: blue_green\n      max_failures: 1", "max_failures must be 0"),
        (
            "kind: blue_green",
            "kind: blue_green\n      rollback_on: [DEPLOYMENT_FAILURE]",
            "rollback_on must name every trigger",
        ),
    ],
)
def test_a_blue_green_app_that_could_not_be_switched_is_refused(old: str, new: str, why: str) -> None:
    """When it is validated, with its reason; not at each push."""
    assert old in APPS
    (found,) = problems("symptoms:", APPS.replace(old, new, 1))
    assert why in str(found)


UP = """\
  up:
    metric: { namespace: N, name: Up }
    above: 1
    for_seconds: 60
    ladder: [replace_node]
healing:"""
CASES = {
    "a wrong value": ("service: api", "service: A P I", 6, 14, "groups.api.service"),
    "a wrong value in braces": ("app: web,", "app: W,", 3, 15, "groups.web.app"),
    "an unknown key": ("    below: 1", "    colour: red\n    below: 1", 11, 5, "symptoms.down.colour"),
    "a missing key, at its parent": ("    app: api\n", "", 4, 3, "groups.api.app"),
    "a missing part, at the top": ("symptoms:", "maintenance: []\nx:", 1, 1, "symptoms"),
    "a part that contradicts itself": ("below: 1", "above: 1\n    below: 1", 9, 3, "symptoms.down"),
    "a wrong name": ("  api:\n", "  Api:\n", 4, 3, "groups.Api"),
    "an unknown remedy": ("- replace_node", "- reboot", 15, 9, "symptoms.down.ladder.1"),
    "one group, two policies": (
        "auto_scaling_group: api",
        "auto_scaling_group: web",
        7,
        25,
        "groups.api.auto_scaling_group",
    ),
    "one metric, two symptoms": (
        "healing:",
        UP,
        17,
        5,
        "symptoms.up.metric",
    ),
    "cron": ('"0 2 * * SUN"', '"0 25 * * SUN"', 19, 11, "maintenance.0.cron"),
    "cron with seconds": ('"0 2 * * SUN"', '"0 0 2 * * SUN"', 19, 11, "maintenance.0.cron"),
    "cron that never comes": ('"0 2 * * SUN"', '"0 2 31 2 *"', 19, 11, "maintenance.0.cron"),
    "an unknown zone": ("Europe/Berlin", "Europe/Bonn", 21, 11, "maintenance.0.zone"),
    "a folder of zones": ("Europe/Berlin", "Europe", 21, 11, "maintenance.0.zone"),
    "a zone outside": ("Europe/Berlin", "../etc/passwd", 21, 11, "maintenance.0.zone"),
    "a window without end": ("minutes: 60", "minutes: 10081", 20, 23, "maintenance.0.duration_minutes"),
    "a window for nobody": ("groups: [web]", "groups: [web, shop]", 22, 19, "maintenance.0.groups.1"),
    "a group's own wrong limit": (
        "    app: api",
        "    healing: { attempts: 0 }\n    app: api",
        5,
        26,
        "groups.api.healing.attempts",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_problem_is_told_with_its_line_and_column(case: str) -> None:
    """The line that a person has to change, counted as editors count."""
    old, new, line, column, path = CASES[case]
    found = problems(old, new)
    assert (line, column, path) in [(one.line, one.column, one.path) for one in found], found
    with pytest.raises(Refused) as refused:
        policy.read(TEXT.replace(old, new, 1), REMEDIES)
    assert f"line {line}, column {column}: {path}: " in refused.value.message


LIMITS = {
    "settle_seconds: 600": "settle_seconds 600 must be shorter than verify_timeout_seconds 600",
    "verify_timeout_seconds: 1800": "1800 must be shorter than lease_seconds 1800",
    "deadline_seconds: 600": "verify_timeout_seconds 600 must be shorter than deadline_seconds 600",
    "cooldown_seconds: 21600": "cooldown_seconds 21600 must be shorter than deadline_seconds 21600",
    "recheck_seconds: 21601": "recheck_seconds 21601 must not be longer than deadline_seconds 21600",
    "stale_seconds: 119": "stale_seconds 119 must be at least 120, twice the resolution of down's metric",
    "max_in_repair: 0": "would never heal: max_in_repair is 0",
    "min_healthy: 100%": "would never heal: min_healthy is 100%",
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_that_contradict_each_other_are_told_with_both_numbers(limit: str) -> None:
    """The line is the written limit's, also when the other one is a default."""
    found = problems("settle_seconds: 120", limit)
    assert any(LIMITS[limit] in one.reason for one in found), found
    assert {one.line for one in found} == {17}


def test_a_groups_own_limit_is_weighed_against_the_policys() -> None:
    """What contradicts stands with the group, and so does the line."""
    (found,) = problems(
        "    app: api", "    app: api\n    healing: { settle_seconds: 250, stale_seconds: 200 }"
    )
    assert (found.line, found.path) == (6, "groups.api.healing.settle_seconds")
    assert "settle_seconds 250 must not be longer than stale_seconds 200" in found.reason


def test_a_symptom_outlasting_the_deadline_could_never_be_healed() -> None:
    """It would be paged before it lasted."""
    (found,) = problems("for_seconds: 60", "for_seconds: 21600")
    assert "deadline_seconds 21600 must be longer than for_seconds 21600 of down" in found.reason


@pytest.mark.parametrize(("change", "path"), [("for_seconds: 59", "down"), ("period_seconds: 30", "period")])
def test_a_metric_sampled_too_seldom_is_refused(change: str, path: str) -> None:
    """Neither a duration nor an alarm's period may be shorter than the time between two samples."""
    old = "for_seconds: 60"
    (found,) = problems(old, change if change.startswith("for") else f"{old}\n    {change}")
    assert path in found.path
    assert "resolution" in found.reason


def test_a_key_that_stands_twice_is_refused_where_it_stands_again() -> None:
    """YAML would silently keep the last one."""
    (found,) = problems("    service: api", "    app: shop\n    service: api")
    assert (found.line, found.column, found.path, found.code) == (6, 5, "groups.api.app", "policy.invalid")
    assert "the first is on line 5" in found.reason


def test_merged_keys_may_be_said_again() -> None:
    """That is what merging is for."""
    web = "  web: &web { app: web, service: web, auto_scaling_group: web }"
    merged = f"{web}\n  shop: {{ <<: *web, auto_scaling_group: shop }}"
    assert problems("  web: { app: web, service: web, auto_scaling_group: web }", merged) == []


def test_all_problems_are_told_at_once_in_the_texts_order() -> None:
    """Nobody uploads a policy five times to learn of five mistakes."""
    text = TEXT.replace("service: api", "service: A").replace("below: 1", "below: low").replace("60 }", "5 }")
    lines = [one.line for one in policy.check(text, REMEDIES)[1]]
    assert lines == sorted(lines)
    assert set(lines) >= {6, 10, 11}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("version: 1\ngroups: [", 2, 10),
        ("a: b: c", 1, 5),
        ("version: 1\nwhen: 2026-99-99", 2, 7),
        ("version: 1\nname: \x00", 2, 7),
        ("a: 1\nb: !!python/name:os.system x", 2, 4),
        ("a: !!bool maybe", 1, 4),
    ],
)
def test_text_that_is_no_yaml_is_told_with_its_line(text: str, line: int, column: int) -> None:
    """Where the reader stopped."""
    (found,) = policy.check(text, REMEDIES)[1]
    assert (found.line, found.column, found.code) == (line, column, "policy.unreadable"), found
    assert found.reason.startswith("not YAML: ")


def test_an_alias_of_what_contains_it_ends() -> None:
    """A policy that contains itself is refused, not walked for ever."""
    assert policy.check("&a [*a]", REMEDIES)[0] is None
    assert policy.check("&a {b: *a}", REMEDIES)[0] is None


@given(st.integers(0, len(TEXT)), st.text(alphabet=" \n:-[]{}&*!#'\"<a1", max_size=4))
def test_any_slip_of_the_pen_is_either_sound_or_placed_inside_the_text(at: int, typed: str) -> None:
    """No crash, and never a line that is not there."""
    text = TEXT[:at] + typed + TEXT[at:]
    sound, found = policy.check(text, REMEDIES)
    assert (sound is None) == bool(found)
    assert all(1 <= one.line <= text.count("\n") + 1 and one.column >= 1 for one in found)


def test_the_shipped_policies_have_no_problem() -> None:
    """Checked with the real remedies."""
    from nightshift import remedies

    for path in ("nightshift.yaml", "tools/local/policy.yaml"):
        assert policy.check((ROOT / path).read_text(), remedies.names())[1] == []
