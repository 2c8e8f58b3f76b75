"""Whatever the group, the strategy and the luck: what a deployment never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift.amounts import at_least, at_most
from nightshift.decisions.rollout import (
    NodeState,
    Plan,
    Progress,
    Step,
    Unit,
    failed_nodes,
    next_step,
    plan,
)
from nightshift.strategy import Strategy
from tests.unit.facts import NOW

SIZES = st.integers(1, 12) | st.integers(1, 100).map(lambda share: f"{share}%")
LIMITS = st.integers(0, 12) | st.integers(0, 100).map(lambda share: f"{share}%")


@st.composite
def strategies(draw: st.DrawFn) -> Strategy:
    """Any sound strategy."""
    kind = draw(st.sampled_from(["all_at_once", "rolling", "canary"]))
    return Strategy.model_validate(
        {
            "kind": kind,
            "batches": draw(st.lists(SIZES, min_size=1, max_size=3)),
            "canary": draw(SIZES),
            "min_healthy": 0 if kind == "all_at_once" else draw(LIMITS),
            "max_failures": draw(LIMITS),
            "bake_seconds": draw(st.sampled_from([0, 30])),
            "deadline_seconds": draw(st.sampled_from([120, 7_200])),
        }
    )


@st.composite
def groups(draw: st.DrawFn) -> list[Unit]:
    """Up to twelve nodes, most of them healthy."""
    kinds = st.sampled_from(["healthy", "healthy", "healthy", "unhealthy", "unknown"])
    some = draw(st.lists(st.tuples(kinds, st.sampled_from(["1", "2"])), max_size=12))
    return [Unit(f"n{number}", kind, release) for number, (kind, release) in enumerate(some)]  # type: ignore[arg-type] # Hypothesis draws plain text


@given(groups(), strategies(), st.integers(0, 3))
def test_a_plan_touches_every_node_once_and_keeps_enough_healthy(
    group: list[Unit], wanted: Strategy, absent: int
) -> None:
    """Each node stands in exactly one batch; while a batch runs, min_healthy others are healthy."""
    desired = len(group) + absent
    made = plan(group, wanted, desired, "none", "2")
    assert made.reason
    assert bool(made.batches) != bool(made.code)
    if not made.batches:
        return
    touched = [node for batch in made.batches for node in batch]
    assert sorted(touched) == sorted(one.node_id for one in group)
    healthy = {one.node_id for one in group if one.health == "healthy"}
    for batch in made.batches:
        assert batch
        if healthy & set(batch):
            assert len(healthy - set(batch)) >= at_least(wanted.min_healthy, desired)
        healthy |= set(batch)


def begin(group: list[Unit], wanted: Strategy, made: Plan) -> Progress:
    healthy = frozenset(one.node_id for one in group if one.health == "healthy")
    return Progress(NOW, NOW, wanted, made.batches, len(group), healthy=healthy)


def touch(progress: Progress, step: Step, outcomes: list[bool]) -> Progress:
    """The batch is over: each of its nodes as luck has it."""
    nodes: dict[str, NodeState] = dict(progress.nodes)
    healthy = set(progress.healthy)
    for node in step.batch:
        works = outcomes.pop() if outcomes else True
        nodes[node] = "Succeeded" if works else "Failed"
        (healthy.add if works else healthy.discard)(node)
    now = progress.now + timedelta(seconds=20)
    return replace(progress, now=now, nodes=nodes, healthy=frozenset(healthy), batch_ended_at=now)


@settings(max_examples=300)
@given(
    group=groups(),
    wanted=strategies(),
    outcomes=st.lists(st.booleans(), max_size=12),
    is_rollback=st.booleans(),
)
def test_a_deployment_always_ends_and_never_against_its_limits(
    group: list[Unit], wanted: Strategy, outcomes: list[bool], *, is_rollback: bool
) -> None:
    """It ends within its batches, bakes and deadline; success never with more failures than allowed."""
    made = plan(group, wanted, len(group), "none", "2")
    if not made.batches:
        return
    progress, ends = (
        replace(begin(group, wanted, made), is_rollback=is_rollback),
        {"succeed", "stop", "roll_back"},
    )
    for _ in range(10_000):
        step = next_step(progress)
        assert step.reason
        if step.action in ends:
            break
        if step.action == "next_batch":
            assert step.batch
            assert not set(step.batch) & set(progress.nodes)
            assert len(failed_nodes(progress)) <= at_most(wanted.max_failures, len(group)) or is_rollback
            progress = touch(progress, step, outcomes)
        else:
            progress = replace(progress, now=step.until or progress.now + timedelta(seconds=60))
    else:
        raise AssertionError("it goes on for ever")
    assert (step.action == "roll_back") == (step.trigger is not None)
    assert step.action != "roll_back" or (progress.nodes and not is_rollback)
    if step.action == "succeed":
        assert len(failed_nodes(progress)) <= (0 if is_rollback else at_most(wanted.max_failures, len(group)))
        assert set(progress.nodes) == {one.node_id for one in group}
