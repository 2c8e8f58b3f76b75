"""A node gets no request while it is deployed to or healed, and requests again once it is well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightshift.aws import session
from tests.functional.deploying import commit, good, policy, push, repository, switched, walk
from tests.functional.machine import heal
from tests.functional.staging import POLICY, made
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Two healthy nodes behind a target group."""
    with made(switched(policy(folder))) as fresh:
        good(fresh)
        yield fresh


def test_each_node_leaves_before_it_is_touched_and_joins_after_it(world: World, folder: Path) -> None:
    """Nothing is sent while it drains, and the next node leaves when the one before it serves again."""
    sent: list[tuple[str, str]] = []
    world.on_send = lambda: sent.append(
        (world.ssm.last.node_id, world.targets.states[world.ssm.last.node_id])
    )
    ended = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert ended.state == "Succeeded"
    (first,), (second,) = ended.batches
    assert sent == [(first, "unused"), (second, "unused")]
    assert world.targets.told == [("leaves", first), ("joins", first), ("leaves", second), ("joins", second)]
    assert world.targets.states == {first: "healthy", second: "healthy"}


def test_a_node_that_its_target_group_never_finds_healthy_has_failed(world: World, folder: Path) -> None:
    """Whatever its own samples say; the rollback cannot help it, and a person is told."""
    world.targets.broken.update(world.instances())
    failed = walk(world, push(world, folder, commit(folder, "page", "new")))
    (touched,) = failed.nodes.values()
    assert (failed.state, touched.state) == ("Failed", "Failed")
    assert "not found healthy where requests come from" in touched.detail
    world.targets.broken.clear()
    assert walk(world, failed.undone_by).state == "Succeeded"


@pytest.fixture
def plain() -> Iterator[World]:
    """Two healthy nodes behind a target group, and nothing to deploy."""
    with made(switched(POLICY)) as fresh:
        yield fresh


def test_a_node_that_is_healed_leaves_first_and_joins_when_it_is_well(plain: World) -> None:
    """The restart comes when it has drained; it is healed when it gets requests again, too."""
    sick, _ = plain.instances()
    sent: list[str] = []
    plain.on_send = lambda: sent.append(plain.targets.states[plain.ssm.last.node_id])
    plain.fall_ill(sick)
    incident_id, machine = heal(plain, sick)
    assert plain.incident(incident_id).state == "healed"
    assert (sent, plain.targets.told) == (["unused"], [("leaves", sick), ("joins", sick)])
    assert machine.visited.count("DrainNode") == 2  # the first look finds it draining
    assert plain.group().drained == frozenset()


def test_what_does_not_interrupt_drains_nothing(plain: World) -> None:
    """A disk is cleaned while its node serves."""
    sick, _ = plain.instances()
    plain.fall_ill(sick, "disk_full")
    heal(plain, sick, "disk_full")
    assert plain.targets.told == []


def test_a_node_that_never_answers_its_requests_is_healed_all_the_same(plain: World) -> None:
    """It is waited for no longer than a remedy may take."""
    sick, _ = plain.instances()
    plain.targets.busy.add(sick)
    plain.fall_ill(sick)
    incident_id, machine = heal(plain, sick)
    assert plain.incident(incident_id).state == "healed"
    assert machine.visited.count("DrainNode") > 2


def test_a_switch_that_cannot_be_reached_keeps_no_node_ill(plain: World) -> None:
    """The remedy runs; the node was written down as out, and is put back by its verification."""
    sick, _ = plain.instances()
    plain.broken["elastic-load-balancing-v2.DeregisterTargets"] = "ServiceUnavailable"
    plain.fall_ill(sick)
    incident_id, _ = heal(plain, sick)
    assert plain.incident(incident_id).state == "healed"
    assert plain.group().drained == frozenset()


def test_a_node_that_nobody_could_heal_stays_out_and_is_named_until_it_is_well(plain: World) -> None:
    """Never silently: each sweep says why; when its incident is over it gets requests again."""
    sick, _ = plain.instances()
    plain.cures = set()
    session.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    plain.fall_ill(sick)
    incident_id, _ = heal(plain, sick)
    assert (plain.incident(incident_id).state, plain.group().drained) == ("escalated", {sick})
    (said,) = [one for one in sweep(plain) if "gets no requests" in one]
    assert f"its incident {incident_id} is not over" in said
    plain.get_well(sick)
    plain.pass_time(10)
    plain.speak(sick, state="OK")
    said_now = [one for _ in range(2) for one in sweep(plain) if sick in one]
    assert "is out no more" in said_now[-1]
    assert (plain.targets.states[sick], plain.group().drained) == ("healthy", frozenset())


def test_a_node_that_was_replaced_is_forgotten(plain: World) -> None:
    """Its successor was never out."""
    sick, _ = plain.instances()
    plain.cures = {"Welcome"}
    plain.fall_ill(sick)
    incident_id, _ = heal(plain, sick)
    assert (plain.incident(incident_id).state, plain.group().drained) == ("healed", {sick})
    assert [one for one in sweep(plain) if "it has left the group" in one]
    assert plain.group().drained == frozenset()
