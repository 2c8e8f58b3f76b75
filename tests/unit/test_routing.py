"""Which pages go where, which channel is tried next, and when again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from nightshift import policy, routing
from nightshift.errors import Refused
from nightshift.pages import Page
from nightshift.policy import Policy
from nightshift.routing import Leg
from tests.samples import ROOT

MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
PAGE = Page("inc-1", "title", "body", "critical", group="web-prod")
CHANNELS = {
    "ops": {"kind": "slack", "secret": "a"},
    "oncall": {"kind": "pagerduty", "secret": "b"},
    "team": {"kind": "teams", "secret": "c"},
}
OFFICE = {"cron": "0 9 * * MON-FRI", "duration_minutes": 480, "zone": "Europe/Berlin"}
NAMES = st.sampled_from(["sns", "ops", "oncall", "team"])


def having(**notify: Any) -> Policy:
    """The sample policy with these channels and what it says of pages."""
    document = yaml.safe_load((ROOT / "nightshift.yaml").read_text())
    document["notify"] = {"channels": CHANNELS, **notify}
    return policy.read(
        yaml.safe_dump(document),
        frozenset({"restart_service", "rebuild_container", "replace_node", "clean_disk"}),
    )


def names(sound: Policy, page: Page = PAGE, now: datetime = MONDAY_NOON) -> list[str]:
    """The channels that a page goes to."""
    return [leg.channel for leg in routing.legs(sound, page, now)]


def test_without_routes_every_page_goes_to_the_topic() -> None:
    """The safe default."""
    assert names(having()) == ["sns"]


@pytest.mark.parametrize(
    ("when", "goes"),
    [
        ({}, True),
        ({"severity": ["critical", "error"]}, True),
        ({"severity": ["warning"]}, False),
        ({"groups": ["web-prod"]}, True),
        ({"apps": ["web"]}, True),
        ({"hours": [OFFICE]}, True),
        ({"hours": [{**OFFICE, "cron": "0 9 * * SUN"}]}, False),
        ({"apps": ["web"], "severity": ["info"]}, False),
    ],
)
def test_a_route_is_for_pages_that_meet_all_it_asks(when: dict[str, Any], *, goes: bool) -> None:
    """And the topic has each of them besides."""
    assert names(having(routes=[{"when": when, "to": ["ops"]}])) == ["sns", *(["ops"] if goes else [])]


def test_hours_are_read_in_their_own_zone() -> None:
    """At 03:00 nobody is in an office in Berlin; at 16:59 there somebody is, at 17:00 nobody."""
    sound = having(routes=[{"when": {"hours": [OFFICE]}, "to": ["ops"]}])
    assert names(sound, now=NIGHT) == ["sns"]
    assert names(sound, now=datetime(2026, 11, 23, 15, 59, tzinfo=UTC)) == ["sns", "ops"]
    assert names(sound, now=datetime(2026, 11, 23, 16, 0, tzinfo=UTC)) == ["sns"]


def test_a_digest_goes_where_digests_are_wanted_only() -> None:
    """Whatever the routes say: it wakes nobody."""
    sound = having(routes=[{"to": ["oncall"]}], digest=["ops"])
    assert names(sound, Page("digest-1", "t", "b", "info", kind="digest")) == ["ops"]
    assert names(having(), Page("digest-1", "t", "b", "info", kind="digest")) == []


@pytest.mark.parametrize(
    ("notify", "said"),
    [
        ({"routes": [{"to": ["ghost"]}]}, "notify.routes.0.to.0: there is no channel ghost"),
        ({"routes": [{"to": ["ops"], "otherwise": ["x"]}]}, "routes.0.otherwise.0: there is no channel x"),
        ({"routes": [{"to": ["ops"], "when": {"groups": ["x"]}}]}, "there is no group x"),
        ({"routes": [{"to": ["ops"], "when": {"apps": ["x"]}}]}, "there is no app x"),
        ({"routes": [{"to": []}]}, "notify.routes.0.to"),
        ({"channels": {"x": {"kind": "pigeon", "secret": "a"}}}, "there is no kind of channel pigeon"),
        ({"channels": {"x": {"kind": "sns", "secret": "a"}}}, "there is no kind of channel sns"),
        ({"channels": {"sns": {"kind": "slack", "secret": "a"}}}, "sns is the name of a channel"),
        ({"digest": ["oncall"]}, "oncall wakes people"),
        ({"channels": {"x": {"kind": "slack", "secret": "https://hooks.slack.com"}}}, "channels.x.secret"),
        ({"webhooks": ["https://u:p@x.example/"]}, "this looks like a URL with a password"),
        ({"webhooks": ["https://x.example/?token=1"]}, "this looks like a URL with a token"),
    ],
)  # fmt: skip
def test_what_cannot_be_routed_is_refused_with_its_place(notify: dict[str, Any], said: str) -> None:
    """Before it is in force, and without a secret in the answer."""
    with pytest.raises(Refused) as refused:
        having(**notify)
    assert said in refused.value.message
    assert "hooks.slack.com" not in refused.value.message
    assert "token=1" not in refused.value.message


LEGS = st.lists(st.builds(Leg, NAMES, st.lists(NAMES, unique=True, max_size=3).map(tuple)), max_size=4)


@given(walk=LEGS, working=st.sets(NAMES), second_after=st.integers(1, 4))
def test_who_tries_often_enough_reaches_everybody_that_can_be_reached(
    walk: list[Leg], working: set[str], second_after: int
) -> None:
    """No channel is asked twice in one go, none that has the page is asked again, and none is forgotten."""
    delivered: set[str] = set()
    failures: dict[str, int] = {}
    for _ in range(second_after + 1):
        tried: set[str] = set()
        while found := routing.following(walk, delivered, failures, tried, second_after):
            assert not set(found) & tried
            assert not set(found) & delivered
            tried |= set(found)
            for name in found:
                if name in working:
                    delivered.add(name)
                else:
                    failures[name] = failures.get(name, 0) + 1
    for leg in walk:
        if {leg.channel, *leg.otherwise} & working:
            assert {leg.channel, *leg.otherwise} & delivered


def test_the_same_page_is_tried_ever_more_seldom_and_never_before_it_was_asked_to() -> None:
    """Two minutes, four, …, at most half an hour; a longer pause is kept."""
    waits = [routing.again(rounds, NIGHT) - NIGHT for rounds in range(8)]
    assert waits[0] == timedelta(minutes=2)
    assert waits == sorted(waits)
    assert waits[-1] == timedelta(minutes=30)
    assert routing.again(0, NIGHT, timedelta(hours=2)) == NIGHT + timedelta(hours=2)
