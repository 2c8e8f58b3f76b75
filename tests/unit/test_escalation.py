from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.escalation import Rung, next_rung

REMEDIES = st.sampled_from(["clean_disk", "restart_service", "rebuild_container", "replace_node"])


def test_the_first_rung_comes_first() -> None:
    """An untouched incident begins at level 1."""
    assert next_rung(["clean_disk", "replace_node"], []) == Rung(1, "clean_disk")


def test_a_level_is_the_place_on_the_ladder() -> None:
    """Skipping a rung that was tried does not renumber the others."""
    assert next_rung(["a", "b", "c"], ["a", "b"]) == Rung(3, "c")


def test_nothing_is_left_when_all_were_tried() -> None:
    """Then a person is asked."""
    assert next_rung(["a"], ["a"]) is None


@given(st.lists(REMEDIES, unique=True), st.lists(REMEDIES))
def test_no_remedy_is_tried_twice_and_none_milder_is_skipped(ladder: list[str], tried: list[str]) -> None:
    """The next rung is the first untried one, whatever was tried before and in which order."""
    rung = next_rung(ladder, tried)
    untried = [remedy for remedy in ladder if remedy not in tried]
    assert (rung.remedy if rung else None) == (untried[0] if untried else None)
    if rung:
        assert ladder[rung.level - 1] == rung.remedy
