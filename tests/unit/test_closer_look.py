"""When a node is looked at apart from the passes: only while nobody knows how it is."""

from __future__ import annotations

from typing import Any

from nightshift.decisions import closer_look
from nightshift.decisions.verification import Aftermath
from nightshift.policy_inspection import Inspection, Rule
from tests.unit.facts import NOW, at, healing, samples, symptom

MEASURED = Inspection(checks={"disk_used": Rule(symptom="disk_full"), "cpu_busy": Rule(above=95)})


def aftermath(**changes: Any) -> Aftermath:
    """An action half a minute ago, a settle time of a minute, and no sample since."""
    facts = {
        "now": NOW,
        "acted_at": at(-30),
        "symptoms": {"disk_full": symptom()},
        "samples": {},
        "healing": healing(settle_seconds=60),
    }
    return Aftermath(**{**facts, **changes})


def test_a_node_that_nobody_has_seen_for_half_the_settle_time_is_looked_at() -> None:
    """The reason names the symptom, and since when nothing is known."""
    assert closer_look.due(aftermath(), MEASURED) == f"disk_full: nothing is known since {at(-30)}"
    assert closer_look.due(aftermath(acted_at=at(-29)), MEASURED) == ""


def test_a_sample_of_a_pass_a_push_or_a_metric_puts_it_off() -> None:
    """From the newest one on; those from before the action say nothing of it."""
    recent = {"disk_full": samples(1, -29, -29)}
    assert closer_look.due(aftermath(samples=recent), MEASURED) == ""
    old = {"disk_full": samples(1, -90, -90)}
    assert closer_look.due(aftermath(samples=old), MEASURED).endswith(at(-30))
    worn = {"disk_full": samples(1, -40, -40)}
    assert closer_look.due(aftermath(acted_at=at(-200), samples=worn), MEASURED).endswith(at(-40))


def test_looks_are_never_closer_than_the_probe_and_systems_manager_bear() -> None:
    """However short the settle time is."""
    hasty = {"healing": healing(settle_seconds=2)}
    assert closer_look.due(aftermath(acted_at=at(-4), **hasty), MEASURED) == ""
    assert closer_look.due(aftermath(acted_at=at(-5), **hasty), MEASURED)


def test_what_no_probe_measures_is_not_looked_at() -> None:
    """A check without a symptom stands in reports only; a symptom without a check is a metric's."""
    other = {"symptoms": {"service_down": symptom()}}
    assert closer_look.due(aftermath(**other), MEASURED) == ""
    assert closer_look.due(aftermath(), Inspection()) == ""
