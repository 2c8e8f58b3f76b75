"""Whatever the situation: what admission never does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift import clock
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Situation
from nightshift.fleet import Attempt, GroupState, Lease, Pause
from nightshift.incident import Sample
from tests.unit.facts import (
    INCIDENT,
    LADDER,
    NODE,
    NOW,
    at,
    cpu,
    healing,
    heard,
    incident,
    level,
    node,
    symptom,
)

SYMPTOMS = {"service_down": symptom(), "cpu_sustained": cpu(ladder=("restart_service", "replace_node"))}
PAST = st.integers(-7_200, 0)


def series() -> st.SearchStrategy[tuple[Sample, ...]]:
    """Up to thirty samples of any age, oldest first; 0 and 100 are each ill for one of the symptoms."""
    points = st.lists(st.tuples(st.integers(-300, 0), st.sampled_from([0, 1, 50, 100])), max_size=30)
    return points.map(
        lambda found: tuple(Sample(at=at(second), value=value) for second, value in sorted(found))
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any mix of facts, most of them harmless, so that every guard gets its turn."""
    names = draw(st.sampled_from([("service_down",), ("cpu_sustained",), ("service_down", "cpu_sustained")]))
    some = incident(
        symptom=names[0],
        symptoms={name: heard(held_since=at(draw(PAST)), raised_at=at(draw(PAST))) for name in names},
        opened_at=at(draw(st.sampled_from([-60, -7_000, -30_000]))),
        state=draw(st.sampled_from(["open", "open", "open", "escalated"])),
        levels=tuple(
            level(number, remedy, draw(st.sampled_from(["failed", "unknown", "running"])))
            for number, remedy in enumerate(draw(st.lists(st.sampled_from(LADDER), unique=True)), start=1)
        ),
    )
    attempted = [
        Attempt(at=at(draw(PAST)), remedy="restart_service", symptom="service_down", incident_id="inc-before")
        for _ in range(draw(st.integers(0, 4)))
    ]
    some_node = node(
        state=draw(st.sampled_from(["in_service", "in_service", "in_service", "pending", "terminated"])),
        attempts=tuple(attempted),
        healed={"service_down": (at(draw(PAST)),)} if draw(st.booleans()) else {},
    )
    holder = draw(st.sampled_from([INCIDENT, "inc-other"]))
    expires = at(draw(st.integers(-600, 600)))
    leases = {NODE: Lease(incident_id=holder, fence=3, expires_at=expires)} if draw(st.booleans()) else {}
    facts: dict[str, Any] = {
        "now": NOW,
        "incident": some,
        "node": draw(st.sampled_from([some_node, some_node, some_node, None])),
        "group": GroupState(group="web-prod", leases=leases, fence=3),
        "pause": draw(st.sampled_from([None, None, None, Pause(by="ada", why="change", at=at(-5))])),
        "symptoms": {name: SYMPTOMS[name] for name in names},
        "samples": {name: draw(series()) for name in names},
        "healing": healing(attempts=3, recheck_seconds=draw(st.sampled_from([1, 60]))),
    }
    return Situation(**facts)


@given(situations())
@settings(max_examples=200)
def test_only_an_allowance_carries_a_rung(situation: Situation) -> None:
    """A refused or waiting admission can never be mistaken for an order."""
    answer = admit(situation)
    assert answer.answer == "allow" or (answer.rung is None and not answer.symptom)
    assert answer.reason
    assert answer.guard


@given(situations())
@settings(max_examples=200)
def test_a_wait_always_ends_in_the_future_and_only_a_wait_does(situation: Situation) -> None:
    """No busy loop: at least a second from now; no other answer has an end."""
    answer = admit(situation)
    if answer.answer == "wait":
        assert answer.until is not None
        assert answer.until >= situation.now + timedelta(seconds=1)
    else:
        assert answer.until is None


@given(situations())
@settings(max_examples=200)
def test_a_remedy_is_only_allowed_where_every_rule_is_kept(situation: Situation) -> None:
    """No remedy while paused, on an unknown or absent node, under a foreign lease, on silence, after too
    many attempts, or for an incident that is over."""
    answer = admit(situation)
    if answer.answer != "allow" or answer.rung is None:
        return
    assert situation.pause is None
    assert situation.node is not None
    assert situation.node.state == "in_service"
    assert situation.incident.state == "open"
    held = situation.group.leases.get(NODE) if situation.group else None
    assert held is None or held.incident_id == INCIDENT or held.expires_at <= clock.iso(NOW)
    stale = at(-situation.healing.stale_seconds)
    assert any(
        situation.symptoms[answer.symptom].breached_by(sample.value) and sample.at >= stale
        for sample in situation.samples[answer.symptom]
    )
    begin = at(-situation.healing.attempts_window_seconds)
    recent = [attempt for attempt in situation.node.attempts if attempt.at >= begin]
    assert len(recent) < situation.healing.attempts


@given(situations())
@settings(max_examples=200)
def test_an_allowed_rung_is_the_first_untried_one_of_its_symptoms_ladder(situation: Situation) -> None:
    """Never a remedy twice, never a harsher one before a milder one."""
    answer = admit(situation)
    if answer.rung is None:
        return
    ladder = situation.symptoms[answer.symptom].ladder
    done = {one.remedy for one in situation.incident.levels}
    assert answer.rung.remedy == next(remedy for remedy in ladder if remedy not in done)
    assert answer.rung.level == ladder.index(answer.rung.remedy) + 1


@given(situations())
@settings(max_examples=200)
def test_an_untouched_incident_is_only_acted_upon_when_its_symptom_lasted(situation: Situation) -> None:
    """Counted from what the alarm said, not from when Nightshift heard of it."""
    answer = admit(situation)
    if answer.rung is None or situation.incident.levels:
        return
    assert any(
        situation.incident.symptoms[name].held_since <= at(-rule.for_seconds)
        for name, rule in situation.symptoms.items()
    )


@given(situations())
@settings(max_examples=200)
def test_the_same_facts_always_get_the_same_answer(situation: Situation) -> None:
    """Admission is pure: a replay of the journal's facts decides the same."""
    assert admit(situation) == admit(situation)
