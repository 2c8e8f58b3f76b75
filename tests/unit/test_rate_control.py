"""How many nodes a command begins on: Run Command's rate control."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.rate_control import concurrency, errors, pace, window
from nightshift.fleet_command import ERRORS, Status


def test_it_begins_on_one_node_then_two_then_four() -> None:
    """The window doubles when as many have ended as it had room for, up to MaxConcurrency."""
    assert [window(ended, 50) for ended in (0, 1, 2, 3, 6, 7, 31, 63, 999)] == [1, 2, 2, 4, 4, 8, 32, 50, 50]


def test_a_node_that_hangs_holds_one_place_only() -> None:
    """One runs for ever; the others go on around it."""
    assert pace({"Pending": 9, "InProgress": 1, "Success": 3}, 50, 0).begin == 3


@pytest.mark.parametrize(
    ("max_errors", "failed", "halts"), [(0, 0, False), (0, 1, True), (3, 3, False), (3, 4, True)]
)
def test_max_errors_three_stops_at_the_fourth_error(max_errors: int, failed: int, *, halts: bool) -> None:
    """And 0 at the first, as Run Command has it; what runs comes to its end."""
    found = pace({"Pending": 5, "InProgress": 2, "Failed": failed, "Success": 10}, 50, max_errors)
    assert bool(found.halted) == halts
    assert (found.begin == 0) == halts
    assert not found.over


def test_nodes_that_were_never_reached_do_not_count_as_errors() -> None:
    """Delivery timeouts and undeliverable ones do not, a command that ran too long does."""
    unreached: dict[Status, int] = {"Pending": 1, "Undeliverable": 9, "DeliveryTimedOut": 9, "Cancelled": 1}
    assert not pace(unreached, 50, 0).halted
    assert pace({"Pending": 1, "ExecutionTimedOut": 1}, 50, 0).halted


def test_a_stop_begins_nothing_and_is_over_when_nothing_runs() -> None:
    """Who asked stands in the reason."""
    assert pace({"Pending": 4, "InProgress": 1}, 9, 9, "ada: wrong").begin == 0
    over = pace({"Pending": 4}, 9, 9, "ada: wrong")
    assert over.over
    assert "ada: wrong" in over.halted


def test_shares_round_down_and_concurrency_is_one_at_least() -> None:
    """10 % of 50 are 5 errors: the sixth stops, as in Run Command."""
    assert (errors("10%", 50), errors("10%", 9), errors(3, 50)) == (5, 0, 3)
    assert (concurrency("25%", 10), concurrency("1%", 10), concurrency(50, 8)) == (2, 1, 8)


@given(
    nodes=st.integers(1, 60),
    most=st.integers(1, 20),
    limit=st.integers(0, 5),
    fates=st.lists(
        st.sampled_from(["Success", "Failed", "ExecutionTimedOut", "Undeliverable"]), min_size=60, max_size=60
    ),
    order=st.randoms(use_true_random=False),
)
def test_a_whole_command_keeps_its_limits(nodes, most, limit, fates, order) -> None:
    """Never more at once than MaxConcurrency; every node is begun unless it was halted; it always ends."""
    counts: Counter[Status] = Counter(Pending=nodes)
    running: list[Status] = []
    while True:
        found = pace(counts, most, limit)
        if found.over:
            break
        for _ in range(found.begin):
            counts["Pending"] -= 1
            counts["InProgress"] += 1
            running.append(fates[nodes - counts["Pending"] - 1])
        assert counts["InProgress"] <= most
        assert running, "neither over nor running: it would wait for ever"
        counts["InProgress"] -= 1
        counts[running.pop(order.randrange(len(running)))] += 1
    failed = sum(counts[status] for status in ERRORS)
    assert (counts["Pending"] == 0) or failed > limit
    assert failed <= limit + most
