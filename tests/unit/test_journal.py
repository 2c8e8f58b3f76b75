from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import journal
from nightshift.errors import Permanent
from nightshift.journal import GENESIS, Entry, Note, verify
from tests.unit.facts import NOW

CHAIN = "inc-20261123-0123456789"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NOTES = st.builds(
    Note,
    kind=st.sampled_from(["opened", "admission", "intent", "result"]),
    actor=st.sampled_from(["open_incident", "admit_incident"]),
    verdict=st.sampled_from(["allow", "wait"]),
    reason=st.text(max_size=30),
    inputs=st.dictionaries(st.text(max_size=5), VALUES, max_size=3),
)


def chained(notes: list[Note], chain: str = CHAIN) -> list[Entry]:
    """A whole chain of these notes, a second apart."""
    entries: list[Entry] = []
    for seq, note in enumerate(notes, start=1):
        previous = entries[-1].hash if entries else GENESIS
        entries.append(journal.link(chain, seq, previous, NOW + timedelta(seconds=seq), note))
    return entries


CHAINS = st.lists(NOTES, min_size=2, max_size=6).map(chained)


@given(st.lists(NOTES, max_size=6))
def test_an_untouched_chain_verifies_up_to_its_head(notes: list[Note]) -> None:
    """Every link follows the one before it, and the state remembers the last."""
    entries = chained(notes)
    head = entries[-1].hash if entries else GENESIS
    assert verify(CHAIN, entries, head) == journal.Verification(CHAIN, len(entries), intact=True)


@given(CHAINS, st.data())
def test_any_changed_character_is_found(entries: list[Entry], data: st.DataObject) -> None:
    """A word that somebody improves later breaks the chain at that entry, even with a fresh hash."""
    place = data.draw(st.integers(0, len(entries) - 1))
    text = entries[place].text
    position = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda sign: sign != text[position]))
    changed = text[:position] + other + text[position + 1 :]
    found = verify(CHAIN, [*entries[:place], replace(entries[place], text=changed), *entries[place + 1 :]])
    assert (found.intact, found.broken_at) == (False, place + 1)


@given(CHAINS, st.data())
def test_an_entry_that_was_rewritten_with_its_hash_breaks_the_next_one(
    entries: list[Entry], data: st.DataObject
) -> None:
    """A forger must rewrite all that follows, and then the head that the state remembers differs."""
    place = data.draw(st.integers(0, len(entries) - 1))
    content = {**entries[place].content, "reason": "something nicer than before, and longer than any other"}
    text = journal.canonical(content)
    forged = [*entries]
    forged[place] = replace(entries[place], text=text, hash=journal.digest(text))
    found = verify(CHAIN, forged, entries[-1].hash)
    assert (found.intact, found.broken_at) == (False, place + 2)


@given(CHAINS, st.data())
def test_a_removed_entry_is_found(entries: list[Entry], data: st.DataObject) -> None:
    """A gap in the middle shows at the entry behind it."""
    place = data.draw(st.integers(0, len(entries) - 2))
    found = verify(CHAIN, entries[:place] + entries[place + 1 :])
    assert (found.intact, found.broken_at) == (False, place + 1)


@given(CHAINS, st.data())
def test_swapped_entries_are_found(entries: list[Entry], data: st.DataObject) -> None:
    """The order is part of what is signed."""
    place = data.draw(st.integers(0, len(entries) - 2))
    swapped = [*entries]
    swapped[place], swapped[place + 1] = swapped[place + 1], swapped[place]
    found = verify(CHAIN, swapped)
    assert (found.intact, found.broken_at) == (False, place + 1)


@given(CHAINS, st.data())
def test_a_cut_tail_is_found_by_the_head_that_the_state_remembers(
    entries: list[Entry], data: st.DataObject
) -> None:
    """The shorter chain is whole in itself; only the state knows that there was more."""
    kept = data.draw(st.integers(0, len(entries) - 1))
    assert verify(CHAIN, entries[:kept]).intact
    found = verify(CHAIN, entries[:kept], entries[-1].hash)
    assert (found.intact, found.broken_at) == (False, kept + 1)
    assert "tail is cut" in found.reason


@given(CHAINS)
def test_another_incidents_entry_does_not_fit(entries: list[Entry]) -> None:
    """A chain cannot be lent to another incident."""
    found = verify("inc-20261123-9999999999", entries)
    assert (found.intact, found.broken_at) == (False, 1)


@pytest.mark.parametrize("text", ["[]", "no json", ""])
def test_a_text_that_is_no_entry_breaks_the_chain_instead_of_the_reader(text: str) -> None:
    """Whoever verifies gets an answer, whatever stands in the table."""
    entry = Entry(CHAIN, 1, text, journal.digest(text))
    assert verify(CHAIN, [entry]).broken_at == 1
    with pytest.raises(Permanent) as malformed:
        _ = entry.content
    assert malformed.value.code == "journal.malformed"


@pytest.mark.parametrize("value", [0.1, float("nan"), [1, 2.0], {"a": {"b": [1.5]}}, ({"a": 1.0},)])
def test_a_float_is_refused_wherever_it_hides(value: object) -> None:
    """Two machines may print it differently: numbers are integers or text."""
    with pytest.raises(Permanent) as refused:
        journal.canonical({"value": value})
    assert refused.value.code == "journal.float"


def test_a_decimal_is_no_json_value() -> None:
    """Samples go in as text; a Decimal that slips through fails loudly instead of changing its form."""
    with pytest.raises(TypeError):
        journal.canonical({"value": Decimal("1.5")})


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5))
def test_the_same_values_always_make_the_same_text(values: dict[str, object]) -> None:
    """Order of keys and way of building do not show; no spaces; text stays readable."""
    backwards = dict(reversed(values.items()))
    assert journal.canonical(values) == journal.canonical(backwards)
    assert json.loads(journal.canonical(values)) == values


def test_an_entry_holds_all_that_explains_the_decision() -> None:
    """Who, when, what, why, on which values, and after which entry."""
    note = Note("admission", "admit_incident", "wait", "paused by ada", {"level": 1})
    entry = journal.link(CHAIN, 3, "ab" * 32, NOW, note)
    assert entry.content == {
        "actor": "admit_incident",
        "at": "2026-11-23T03:00:00.000Z",
        "chain": CHAIN,
        "inputs": {"level": 1},
        "kind": "admission",
        "previous": "ab" * 32,
        "reason": "paused by ada",
        "seq": 3,
        "verdict": "wait",
    }
