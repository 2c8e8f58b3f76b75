"""Open incidents that no machine works on."""

from __future__ import annotations

import pytest

from tests.functional.machine import Machine
from tests.functional.sweeping import follow, stand, sweep
from tests.functional.world import World


def opened(world: World, node_id: str) -> str:
    """An incident whose machine runs."""
    world.fall_ill(node_id)
    stand(node_id, "ALARM")
    return str(world.speak(node_id)["incident_id"])


def test_an_incident_whose_machine_never_began_is_started(world: World) -> None:
    """open_incident died between its two steps, and no redelivery came."""
    sick, _ = world.instances()
    world.broken["sfn.StartExecution"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        opened(world, sick)
    world.broken.clear()
    assert sweep(world) == []
    world.pass_time(61)
    (said,) = sweep(world)
    incident_id = world.subject(sick).open_incident
    assert said == f"{incident_id} had no execution; it is started"
    assert world.executions() == [incident_id]
    assert sweep(world) == []
    assert world.executions() == [incident_id]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_incident_whose_machine_died_unheard_is_closed(world: World, status: str) -> None:
    """By close_incident, with the event that was lost: lease and subject come back, a person is asked."""
    sick, _ = world.instances()
    incident_id = opened(world, sick)
    Machine(world, incident_id).run(until="ApplyRemedy")
    assert world.group().leases
    world.fates[incident_id] = {"status": status, "error": "States.Runtime", "cause": "boom"}
    world.pass_time(61)
    sweep(world)
    sweep(world)
    assert len(world.handed) == 2
    follow(world)
    incident = world.incident(incident_id)
    assert (incident.state, world.group().leases) == ("escalated", {})
    assert incident.reason == f"the machine ended {status}: States.Runtime: boom"
    assert world.story(incident_id)[-1] == ("closed", "escalated")
    assert sweep(world) == []


def test_an_execution_that_runs_is_left_alone(world: World) -> None:
    """However long it waits."""
    sick, _ = world.instances()
    opened(world, sick)
    world.pass_time(3_000)
    assert sweep(world) == []
    assert world.handed == []
