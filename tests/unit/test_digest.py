"""The digest counts what healed in the last day, by group, symptom and remedy."""

from __future__ import annotations

from datetime import datetime, timedelta

from nightshift import clock, digest
from nightshift.incident import Incident
from tests.unit.facts import incident, level

NOW = datetime.fromisoformat("2026-11-24T07:00:00+00:00")


def healed(number: int, hours: float, *remedies: str, subject: str = "i-1") -> Incident:
    """One that healed so many hours ago, a minute after it was opened."""
    closed = NOW - timedelta(hours=hours)
    levels = tuple(level(rung, name) for rung, name in enumerate(remedies, 1))
    return incident(levels=levels).model_copy(
        update={
            "incident_id": f"inc-{number}",
            "subject": subject,
            "state": "healed",
            "opened_at": clock.iso(closed - timedelta(seconds=60)),
            "closed_at": clock.iso(closed),
        }
    )


def test_the_same_kinds_are_counted_together_and_the_most_frequent_comes_first() -> None:
    """One line a kind: how many nodes, how often, by what, and how long it took."""
    page = digest.compose(
        [
            healed(1, 3, "restart_service", "rebuild_container"),
            healed(2, 2, "restart_service"),
            healed(3, 1, "restart_service", subject="i-2"),
            healed(4, 0.5),
        ],
        NOW,
    )
    assert page is not None
    assert page.title == "[nightshift] healed by itself: 4 incidents"
    _, first, *others, last = page.body.splitlines()
    assert first == (
        "service_down on 2 nodes of web-prod: 2 times by restart_service, 60 s at the median; the last: inc-3"
    )
    assert {line.split(": ")[1].split(", ")[0] for line in others} == {
        "1 times by rebuild_container",
        "1 times by no remedy",
    }
    assert "Nothing to do" in last
    assert page.severity == "info"


def test_every_heal_is_in_exactly_one_digest() -> None:
    """Days meet without a gap and without an overlap."""
    edge = healed(1, 24, "restart_service")
    yesterday = digest.compose([edge], NOW - timedelta(days=1))
    today = digest.compose([edge], NOW)
    assert (yesterday is None) != (today is None)
    assert digest.compose([healed(1, 25)], NOW) is None
    assert digest.compose([], NOW) is None
