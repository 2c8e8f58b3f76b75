"""A decision that was recorded is read back whole and made again the same, whatever it was about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from nightshift import clock, code, journal
from nightshift.decisions import recorded, rollout
from nightshift.decisions.admission import admit
from nightshift.decisions.situation import Situation
from nightshift.fleet import Capacity
from nightshift.journal import GENESIS, Note
from tests.unit.facts import NOW, policy, situation
from tests.unit.rollouts import progress
from tests.unit.test_admission_properties import situations
from tools.cli.otherwise import About, under


def in_order(found: Situation) -> Situation:
    """As ``admit_incident`` makes one: symptoms in the incident's order, which is that of their names."""
    return replace(found, symptoms=dict(sorted(found.symptoms.items())))


@given(situations().map(in_order))
def test_an_admission_comes_out_the_same_from_its_record_alone(found: Situation) -> None:
    """Byte for byte, and nothing of what was weighed is lost on the way."""
    decided = recorded.record("admission", found, admit(found), "abc")
    back = recorded.given("admission", decided.given)
    assert journal.canonical(recorded.again("admission", back)) == journal.canonical(decided.answer)
    assert recorded.record("admission", back, admit(back), "abc") == decided


@given(situations().map(in_order))
def test_the_same_policy_asks_the_same(found: Situation) -> None:
    """What-if with the policy that was in force gives every decision what it was given."""
    same = policy(symptoms=dict(found.symptoms), healing=found.healing, maintenance=found.maintenance)
    about = About(found.incident.group, "web", clock.parse(found.incident.opened_at))
    assert under(same, "admission", found, about) == found


def test_sets_have_one_order() -> None:
    """However a set was filled, its record is the same text: it is part of what is hashed."""
    names = [f"i-{number}" for number in range(50)]
    texts = {
        recorded.record(
            "admission",
            situation(capacity=Capacity(desired=50, in_service=frozenset(order))),
            admit(situation()),
            "",
        ).given
        for order in (names, names[::-1], sorted(names, key=hash))
    }
    assert len(texts) == 1


def test_inputs_of_other_code_are_not_read_by_halves() -> None:
    """A field that this code does not know is a reason not to replay, not to be left out."""
    given_then = recorded.record("rollout", progress(), rollout.next_step(progress()), "").given
    more = journal.canonical({**json.loads(given_then), "weather": "fine"})
    less = journal.canonical({name: one for name, one in json.loads(given_then).items() if name != "paused"})
    for text in (more, less):
        with pytest.raises(ValueError, match="reads its inputs otherwise"):
            recorded.given("rollout", text)


def test_an_entry_holds_the_decision_or_the_sum_of_its_inputs() -> None:
    """Both are bound by the entry's hash; the code's digest and the policy's version stand with them."""
    decided = recorded.record("rollout", progress(), rollout.next_step(progress()), "abc")
    note = Note("rollout", "advance_deployment", "next_batch", "why", {}, (decided,))
    (whole,) = journal.link("dep-1", 1, GENESIS, NOW, note).content["decisions"]  # type: ignore[misc]
    assert (whole["policy"], whole["code"]) == ("abc", code.digest())
    assert journal.canonical(whole["given"]) == decided.given
    light, apart = note.lightened(10)
    (kept,) = journal.link("dep-1", 1, GENESIS, NOW, light).content["decisions"]  # type: ignore[misc]
    assert apart == (decided.given,)
    assert kept["given_sha256"] == journal.digest(decided.given)
    assert "given" not in kept


def test_a_later_moment_is_another_record() -> None:
    """Time is an input like any other."""
    later = replace(progress(), now=NOW + timedelta(seconds=1))
    records = [recorded.record("rollout", one, rollout.next_step(one), "") for one in (progress(), later)]
    assert records[0].given != records[1].given
