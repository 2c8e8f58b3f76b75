"""A remedy for what only inspection sees is verified by looking at that node, not by waiting for a pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nightshift.aws.inspections import Inspections
from tests.functional import staging
from tests.functional.inspecting import SLOW, collect, full, hear, printed, whole
from tests.functional.machine import Machine
from tests.functional.sweeping import sweep
from tests.functional.world import World
from tests.stack import stack


@pytest.fixture
def treated() -> Iterator[tuple[World, Machine, str]]:
    """A full disk that two passes saw, and cleaned a moment ago: the machine is about to verify it."""
    with staging.made(SLOW) as world:
        sick, _ = world.instances()
        for values in world.readings.values():
            del values["DiskUsedPercent"]
        world.ssm.probes.answer = lambda node: ("Success", full() if node == sick else printed())
        for _ in range(2):
            whole(world)
            world.time.shift(10)
        hear(world, "FindingRaised")
        heal = Machine(world, world.deliver("SignalRaised")["incident_id"])
        heal.run(until="VerifyHealth")
        world.handed.clear()
        yield world, heal, sick


def looks(world: World) -> list[dict[str, object]]:
    """What inspect_fleet was handed."""
    return [order for name, order in world.handed if name.endswith("inspect_fleet")]


def verify(world: World, heal: Machine, seconds: int) -> str:
    """One look of the machine, so many seconds later; the state that comes next."""
    world.time.shift(seconds)
    request = {"incident_id": heal.context["Execution"]["Name"]}
    return str(world.invoke("verify_health", request)["next"])


def test_the_node_is_asked_alone_and_its_answer_ends_the_incident(
    treated: tuple[World, Machine, str],
) -> None:
    """No pass comes meanwhile: two calls of Systems Manager, for this node only."""
    world, heal, sick = treated
    assert verify(world, heal, 19) == "LookAgain"
    assert looks(world) == []
    assert verify(world, heal, 1) == "LookAgain"
    (order,) = looks(world)
    assert order["only"] == [sick]
    world.ssm.probes.answer = lambda _: ("Success", printed())
    known = set(world.ssm.probes.sent)
    began = world.invoke("inspect_fleet", order)
    assert (began["nodes"], began["batches"]) == (1, 1)
    (asked,) = set(world.ssm.probes.sent) - known
    assert world.ssm.probes.sent[asked]["InstanceIds"] == [sick]
    collect(world)
    assert verify(world, heal, 10) == "LookAgain"
    assert len(looks(world)) == 1
    assert verify(world, heal, 10) == "CloseIncident"


def test_a_closer_look_is_no_pass(
    treated: tuple[World, Machine, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no report and no metrics, holds up no scheduled pass, and no sweep misses it."""
    world, heal, _ = treated
    verify(world, heal, 20)
    (order,) = looks(world)
    reported = len(world.events("InspectionCollected"))
    capsys.readouterr()
    world.invoke("inspect_fleet", order)
    assert Inspections(stack().ref("InspectionsTable")).running() == {}
    collect(world)
    assert len(world.events("InspectionCollected")) == reported
    assert "Nightshift/Fleet" not in capsys.readouterr().out
    world.handed.clear()
    world.time.shift(900)
    sweep(world)
    assert [name for name, _ in world.handed if name.endswith("collect_metrics")] == []


def test_a_node_that_does_not_answer_is_asked_again_until_the_time_is_over(
    treated: tuple[World, Machine, str],
) -> None:
    """Silence is no proof of health: the remedy has not been shown to help."""
    world, heal, sick = treated
    world.ssm.offline.add(sick)
    for _ in range(3):
        assert verify(world, heal, 20) == "LookAgain"
        world.invoke("inspect_fleet", looks(world)[-1])
    assert len(looks(world)) == 3
    assert verify(world, heal, 400) == "AdmitIncident"
