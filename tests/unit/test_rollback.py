"""Rollbacks: to which release, in which order, and when a person must decide."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.rollback import last_good, newest_first, way_back
from tests.unit.rollouts import GROUP, release

TOUCHED = {
    "n1": "2026-11-23T03:00:01.000Z",
    "n2": "2026-11-23T03:00:03.000Z",
    "n3": "2026-11-23T03:00:02.000Z",
}


def test_the_last_good_release_is_the_one_that_was_good_last() -> None:
    """Not the one that was built last, and never the failing one."""
    known = [release("1", "good", 10), release("2", "good", 20), release("3", "live", 30), release("4")]
    target = last_good(known, GROUP, "3")
    assert target is not None
    assert target.version == "2"
    assert last_good(known, GROUP, "2") == known[0]


def test_what_was_good_elsewhere_is_not_good_here() -> None:
    """A release proves itself in each group."""
    assert last_good([release("1", "good")], "web-staging", "2") is None


def test_a_rollback_takes_the_newest_touched_node_first() -> None:
    """The way back is the way there, reversed; it names both releases."""
    way = way_back([release("1", "good"), release("2", "live", 5)], GROUP, "2", TOUCHED)
    assert way.target is not None
    assert (way.target.version, way.nodes, way.page) == ("1", ("n2", "n3", "n1"), False)
    assert "2 goes back to 1" in way.reason


def test_without_a_good_release_a_person_is_asked() -> None:
    """A group's first release has nothing behind it."""
    way = way_back([release("1", "failed"), release("2", "live", 5)], GROUP, "2", TOUCHED)
    assert (way.target, way.code, way.page) == (None, "rollback.none", True)


def test_a_release_that_cannot_be_undone_is_for_a_person() -> None:
    """Going back over a migration would break more than it mends."""
    known = [release("1", "good"), release("2", "live", 5, rollback="unsafe")]
    way = way_back(known, GROUP, "2", TOUCHED)
    assert (way.target, way.nodes, way.code, way.page) == (None, (), "rollback.unsafe", True)
    assert "2 cannot be undone" in way.reason


def test_an_unsafe_release_between_blocks_the_way_unless_it_was_undone() -> None:
    """Everything that would be undone counts; what failed and was undone already does not."""
    between = release("2", "live", 5, rollback="unsafe")
    assert way_back([release("1", "good"), between, release("3", "live", 9)], GROUP, "3", TOUCHED).page
    undone = release("2", "failed", 5, rollback="unsafe")
    assert way_back([release("1", "good"), undone, release("3", "live", 9)], GROUP, "3", TOUCHED).target


STATES = st.sampled_from(["", "live", "good", "failed"])


@given(st.lists(st.tuples(STATES, st.integers(0, 9), st.booleans()), max_size=8), st.integers(0, 7))
def test_never_back_to_what_failed_nor_to_itself(facts: list[tuple[str, int, bool]], failing: int) -> None:
    """Whatever the history: a target was good here, is another one, and no unsafe release is undone."""
    known = [
        release(str(number), state, at, rollback="unsafe" if unsafe else "safe")
        for number, (state, at, unsafe) in enumerate(facts)
    ]
    way = way_back(known, GROUP, str(failing), TOUCHED)
    assert way.reason
    assert (way.target is None) == way.page == bool(way.code)
    if way.target:
        assert way.target.version != str(failing)
        assert way.target.state_in(GROUP) == "good"
        assert not any(one.version == str(failing) and one.rollback == "unsafe" for one in known)


@given(st.dictionaries(st.text("abc", max_size=3), st.sampled_from(sorted(TOUCHED.values()))))
def test_the_order_is_total_and_the_newest_comes_first(touched: dict[str, str]) -> None:
    """Equal times are ordered by name, so that two computations agree."""
    order = newest_first(touched)
    assert sorted(order) == sorted(touched)
    assert [touched[node] for node in order] == sorted(touched.values(), reverse=True)
