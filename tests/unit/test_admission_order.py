"""Several symptoms in one incident, and which guard speaks when two object."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nightshift import clock
from nightshift.decisions import guards
from nightshift.decisions.admission import admit
from nightshift.decisions.escalation import Rung
from nightshift.fleet import Attempt, Deployed, GroupState, Pause, Reach
from nightshift.incident import Level
from nightshift.windows import Window
from tests.unit.facts import (
    LADDER,
    NODE,
    NOW,
    at,
    attempts,
    capacity,
    cpu,
    healing,
    heard,
    incident,
    lease,
    level,
    node,
    pushed,
    samples,
    situation,
    symptom,
    tried,
)

PAUSE = Pause(by="ada", why="maintenance of the database", at=at(-60))


def test_the_first_ill_symptom_with_a_rung_left_gives_the_remedy() -> None:
    """A remedy that was tried for one symptom is not tried again for another."""
    joined = incident(
        symptoms={"cpu_sustained": heard(alarm="cpu"), "service_down": heard()},
        levels=tried("restart_service"),
    )
    both = {"cpu_sustained": cpu(), "service_down": symptom()}
    ill = {"cpu_sustained": samples(99), "service_down": samples(0)}
    answer = admit(situation(incident=joined, symptoms=both, samples=ill))
    assert (answer.symptom, answer.rung) == ("service_down", Rung(2, "rebuild_container"))


def test_one_symptom_that_lasted_is_enough() -> None:
    """A second one that began lately does not hold the first up."""
    joined = incident(
        symptoms={"service_down": heard(), "cpu_sustained": heard(alarm="cpu", held_since=at(-1))}
    )
    both = {"service_down": symptom(), "cpu_sustained": cpu()}
    ill = {"service_down": samples(0), "cpu_sustained": samples(99)}
    assert admit(situation(incident=joined, symptoms=both, samples=ill)).answer == "allow"


# the order of the guards

ALWAYS = Window(cron="0 0 * * *", duration_minutes=1_440, why="the move")
STORMY = GroupState(group="web-prod", troubled={f"i-{n}": f"inc-{n}" for n in range(3)}, fence=6)


DEPLOYED = Deployed(
    deployment_id="dep-1", version="2.0.0", suspected_until=at(60), nodes=(NODE, "i-0", "i-1", "i-2")
)


def unheard() -> tuple[Level, ...]:
    """Two remedies that never reached the node."""
    return tuple(
        level(number, remedy, detail="Undeliverable") for number, remedy in enumerate(LADDER[:2], start=1)
    )


def often(count: int) -> dict[str, Attempt]:
    """So many remedies for the same symptom, all over the group."""
    return {f"step-{number}": one for number, one in enumerate(attempts(count))}


FACTS: dict[str, dict[str, Any]] = {
    "still_open": {"incident": incident(state="escalated", opened_at=at(-90_000))},
    "storm_itself": {"incident": incident(symptom="storm", opened_at=at(-90_000))},
    "deadline": {"incident": incident(opened_at=at(-90_000)), "pause": PAUSE},
    "pause": {"pause": PAUSE, "maintenance": (ALWAYS,)},
    "maintenance": {"maintenance": (ALWAYS,), "node": None},
    "known_node": {"node": None, "samples": {}},
    "recovered": {
        "samples": {"service_down": samples(1)},
        "incident": incident(opened_at=at(-1)),
    },
    "gather": {"incident": incident(opened_at=at(-1)), "group": STORMY},
    "fresh_release": {"group": STORMY.model_copy(update={"deployed": DEPLOYED})},
    "storm": {"group": STORMY, "samples": {}},
    "evidence": {"samples": {}, "node": node(healed={"service_down": (at(-1),)})},
    "sustained": {
        "incident": incident(symptoms={"service_down": heard(held_since=at(-1))}),
        "node": node(healed={"service_down": (at(-1),)}),
    },
    "lease": {
        "group": GroupState(group="web-prod", leases=lease("dep-1", 600), fence=6),
        "node": node(healed={"service_down": (at(-1),)}),
    },
    "flapping": {"node": node(healed={"service_down": (at(-1),)})},
    "cooldown": {
        "node": node(healed={"service_down": (at(-1),)}, attempts=attempts(9)),
        "healing": healing(flapping={"heals": 5}),
    },
    "ladder": {
        "incident": incident(levels=tried(*LADDER)),
        "node": node(attempts=attempts(9)),
    },
    "reachability": {
        "incident": incident(levels=unheard()),
        "node": node(attempts=attempts(9)),
        "reach": Reach(agent="no", host="yes"),
    },
    "hearsay": {
        "incident": incident(levels=tried(*LADDER[:2])),
        "node": node(attempts=attempts(9)),
        "samples": {"service_down": pushed(0)},
    },
    "attempts": {
        "node": node(attempts=attempts(9)),
        "group": GroupState(group="web-prod", attempts=often(10), fence=6),
    },
    "group_attempts": {
        "group": GroupState(group="web-prod", attempts=often(10), fence=6),
        "capacity": capacity(0),
    },
    "blast_radius": {
        "capacity": capacity(0),
        "healing": healing(approval_for=("low",)),
        "risks": {"restart_service": "low"},
    },
    "approval": {"healing": healing(approval_for=("low",)), "risks": {"restart_service": "low"}},
}


@pytest.mark.parametrize("guard", FACTS)
def test_of_two_objections_the_earlier_guard_speaks(guard: str) -> None:
    """The order is part of the contract: each case breaks this guard's rule and a later one's."""
    assert admit(situation(**FACTS[guard])).guard == guard


def test_the_guards_are_asked_in_the_documented_order() -> None:
    """Whoever adds a guard decides where it stands, and shows it here."""
    names = [guard.__name__ for guard in guards.ORDER]
    assert names == [
        {"pause": "paused", "fresh_release": "suspected_release"}.get(name, name) for name in FACTS
    ]


def test_a_wait_that_would_be_over_already_lasts_a_second() -> None:
    """Clocks differ: a lease that ends this instant does not make a busy loop."""
    held = GroupState(group="web-prod", leases=lease("inc-other", 0.5), fence=6)
    answer = admit(situation(group=held))
    assert answer.until == NOW + timedelta(seconds=1)
    assert clock.iso(answer.until) == at(1)
