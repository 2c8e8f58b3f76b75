"""Deployments: which batches, what comes next, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from nightshift.decisions.rollout import Unit, next_step, plan
from tests.unit.facts import NOW
from tests.unit.rollouts import progress, strategy, targets
from tests.unit.test_blue_green import FRONT


def sizes(count: int, **more: Any) -> list[int]:
    made = plan(targets(count), strategy(**({"min_healthy": 0} | more)), count, "target_group", "2")
    assert made.code == "", made.reason
    return [len(batch) for batch in made.batches]


@pytest.mark.parametrize(
    ("count", "settings", "expected"),
    [
        (5, {"kind": "all_at_once"}, [5]),
        (5, {"kind": "rolling"}, [1, 1, 1, 1, 1]),
        (5, {"kind": "rolling", "batches": [2]}, [2, 2, 1]),
        (10, {"kind": "rolling", "batches": ["25%"]}, [2, 2, 2, 2, 2]),
        (3, {"kind": "rolling", "batches": ["25%"]}, [1, 1, 1]),
        (9, {"kind": "rolling", "batches": [1, "25%", "100%"]}, [1, 2, 6]),
        (5, {"kind": "canary", "batches": ["100%"]}, [1, 4]),
        (10, {"kind": "canary", "canary": "20%", "batches": ["50%"]}, [2, 5, 3]),
    ],
)
def test_a_strategy_cuts_a_group_into_batches(
    count: int, settings: dict[str, Any], expected: list[int]
) -> None:
    """Sizes are numbers or shares; shares round down but never to nothing; the last size repeats."""
    assert sizes(count, **settings) == expected


def test_min_healthy_rounds_up_and_cuts_a_batch() -> None:
    """Of five nodes 50 % are three: two may be touched at once, whatever the strategy wants."""
    assert sizes(5, kind="rolling", batches=["100%"], min_healthy="50%") == [2, 2, 1]


def test_a_group_that_can_spare_nobody_is_refused_with_its_numbers() -> None:
    """A single node cannot be touched while one must stay healthy."""
    made = plan(targets(1), strategy(), 1, "none", "2")
    assert (made.batches, made.code) == ((), "rollout.min_healthy")
    assert "1 of 1 nodes are healthy, min_healthy is 1" in made.reason


def test_ill_nodes_come_first_and_those_with_the_release_last() -> None:
    """CodeDeploy's order: unhealthy, unknown, old, current; an ill one costs no healthy node."""
    group = [
        Unit("current", release="2"),
        Unit("old"),
        Unit("unknown", "unknown"),
        Unit("ill", "unhealthy"),
    ]
    made = plan(group, strategy(min_healthy=2), 4, "none", "2")
    assert made.batches == (("ill",), ("unknown",), ("old",), ("current",))


def test_ill_nodes_may_be_mended_where_no_healthy_one_can_be_spared() -> None:
    """With the ill node healthy again, the next one can be touched."""
    made = plan([Unit("a", "unhealthy"), Unit("b")], strategy(min_healthy=1), 2, "none", "2")
    assert made.batches == (("a",), ("b",))


def test_blue_green_needs_a_traffic_port() -> None:
    """Without one there is nothing to switch."""
    switch = {"kind": "listener_rule", "address": FRONT.address, "target_groups": FRONT.target_groups}
    wanted = strategy(kind="blue_green", min_healthy="100%", front=switch)
    assert plan(targets(3), wanted, 3, "none", "2").code == "rollout.no_traffic"
    assert plan(targets(3), wanted, 3, "proxy", "2").batches == (("n1", "n2", "n3"),)


def test_an_empty_group_is_refused() -> None:
    """No node never means every node."""
    assert plan([], strategy(), 3, "none", "2").code == "rollout.no_nodes"


@pytest.mark.parametrize(
    "unsound",
    [
        {"kind": "all_at_once"},
        {"kind": "all_at_once", "min_healthy": "1%"},
        {"batches": []},
        {"batches": [0]},
        {"batches": ["0%"]},
        {"bake_seconds": 600, "deadline_seconds": 600},
        {"kind": "big_bang"},
    ],
)
def test_an_unsound_strategy_is_refused(unsound: dict[str, Any]) -> None:
    """What contradicts itself is found before a node is touched."""
    with pytest.raises(ValidationError):
        strategy(**unsound)


DONE = {"n1": "Succeeded"}
BAKED = NOW - timedelta(seconds=10)
ALL_DONE = {f"n{number}": "Succeeded" for number in range(1, 5)}


@pytest.mark.parametrize(
    ("facts", "action", "state", "why"),
    [
        ({}, "next_batch", "InProgress", "batch 1 of 2: 1 nodes, 5 healthy ones of 6 besides them"),
        ({"nodes": {"n1": "InProgress"}}, "wait", "InProgress", "n1"),
        ({"nodes": {"n1": "InProgress"}, "alarms": ("a",)}, "wait", "InProgress", "n1"),
        ({"nodes": DONE, "batch_ended_at": NOW}, "bake", "Baking", "10 s"),
        ({"nodes": DONE, "batch_ended_at": BAKED}, "next_batch", "InProgress", "batch 2 of 2: 3 nodes"),
        ({"nodes": {"n1": "Failed"}}, "roll_back", "Failed", "1 nodes failed, max_failures is 0: n1"),
        ({"nodes": {"n1": "Unknown"}}, "roll_back", "Failed", "max_failures is 0"),
        ({"nodes": DONE, "unhealthy": frozenset({"n1"})}, "roll_back", "Failed", "max_failures is 0: n1"),
        ({"nodes": DONE, "unhealthy": frozenset({"n5"}), "batch_ended_at": NOW}, "bake", "Baking", "10 s"),
        ({"nodes": DONE, "alarms": ("cpu",)}, "roll_back", "Failed", "cpu"),
        ({"nodes": DONE, "stop_requested": "ada"}, "roll_back", "Stopped", "stopped by ada"),
        ({"stop_requested": "ada"}, "stop", "Stopped", "no node was touched"),
        ({"paused": "bob"}, "wait", "InProgress", "paused by bob"),
        ({"nodes": DONE, "paused": "bob", "alarms": ("a",)}, "roll_back", "Failed", "a"),
        ({"healthy": frozenset({"n1", "n2"})}, "wait", "InProgress", "1 healthy nodes would be left"),
        ({"started_at": NOW - timedelta(days=1)}, "stop", "Failed", "not over within 7200 s"),
        ({"nodes": DONE, "started_at": NOW - timedelta(days=1)}, "roll_back", "Failed", "not over within"),
        ({"nodes": ALL_DONE, "batch_ended_at": NOW}, "bake", "Baking", "10 s"),
        ({"nodes": ALL_DONE, "batch_ended_at": BAKED}, "succeed", "Succeeded", "4 of 4 nodes run it"),
    ],
)
def test_what_comes_next(facts: dict[str, Any], action: str, state: str, why: str) -> None:
    """Each situation has its one next step, and says why."""
    step = next_step(progress(**facts))
    assert (step.action, step.state) == (action, state), step.reason
    assert why in step.reason


def test_a_trigger_that_rolls_nothing_back_stops_and_pages() -> None:
    """A strategy may leave the undoing to a person."""
    wanted = strategy(rollback_on=["DEPLOYMENT_STOP_ON_ALARM"])
    step = next_step(progress(strategy=wanted, nodes={"n1": "Failed"}))
    assert (step.action, step.state, step.page, step.trigger) == ("stop", "Failed", True, None)
    assert "DEPLOYMENT_FAILURE rolls nothing back here" in step.reason


def test_a_deployment_on_which_every_node_failed_is_no_success() -> None:
    """However many may fail: at least one must work."""
    wanted = strategy(max_failures="100%", bake_seconds=0)
    step = next_step(progress(strategy=wanted, nodes=dict.fromkeys(ALL_DONE, "Failed")))
    assert (step.action, step.trigger) == ("roll_back", "DEPLOYMENT_FAILURE")


def test_a_rollback_goes_on_whatever_fails_and_is_not_rolled_back() -> None:
    """A failing node, a pause and an alarm do not keep the other nodes; at the end a person is told."""
    facts: dict[str, Any] = {"is_rollback": True, "paused": "bob", "alarms": ("cpu",)}
    step = next_step(progress(nodes={"n1": "Failed"}, healthy=frozenset(), **facts))
    assert (step.action, step.batch) == ("next_batch", ("n2", "n3", "n4"))
    end = next_step(progress(nodes={**ALL_DONE, "n1": "Failed"}, **facts))
    assert (end.action, end.state, end.page) == ("stop", "Failed", True)
    assert "did not work on n1" in end.reason
    assert next_step(progress(nodes=ALL_DONE, **facts)).action == "succeed"
