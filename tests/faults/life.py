"""One incident from its alarm to its end, with everything delivered as AWS does: at least once."""

from __future__ import annotations

from typing import Any

from tests.functional.machine import Machine, TaskFailed
from tests.functional.world import World
from tests.samples import sample

#: Who listens to our own events.
LISTENERS = {
    "SignalRaised": "open_incident",
    "SignalCleared": "close_incident",
    "IncidentEscalated": "notify",
}


class Mail:
    """Delivers what is published on the bus, each event once more when its listener died."""

    def __init__(self, world: World) -> None:
        self.world, self.read = world, len(world.published)

    def deliver(self) -> None:
        """Everything published since the last time, and what that publishes."""
        while self.read < len(self.world.published):
            name, detail = self.world.published[self.read]
            self.read += 1
            if name in LISTENERS:
                self.world.hand(LISTENERS[name], own(name, detail))


def own(name: str, detail: dict[str, Any]) -> dict[str, Any]:
    """The envelope of one of our own events."""
    return {"source": "nightshift", "detail-type": name, "detail": detail}


def live(world: World, node_id: str, symptom: str = "service_down") -> str:
    """A node is ill: its alarm speaks, the machine walks to its end; the incident's id."""
    mail = Mail(world)
    world.hand("raise_signal", world.alarm(node_id, symptom))
    mail.deliver()
    incident_id = world.subject(node_id).open_incident
    assert incident_id in world.executions(), "no machine was started"
    execute(world, incident_id)
    mail.deliver()
    return incident_id


def execute(world: World, incident_id: str) -> Machine:
    """Run the machine; when it dies, its status event closes the incident."""
    machine = Machine(world, incident_id)
    try:
        machine.run()
    except TaskFailed as failed:
        event = sample("states/failed")
        event["detail"].update(name=incident_id, error=failed.error, cause=str(failed)[:200])
        world.hand("close_incident", event)
    return machine


def effects(world: World) -> list[tuple[str, str]]:
    """What documents really did on nodes, since the world was made; to look (Diagnose) is no effect."""
    acted = [(one.document.removeprefix("Nightshift-"), one.node_id) for one in world.guards.acted]
    return [one for one in acted if one[0] != "Diagnose"]


def terminations(world: World) -> int:
    """How many nodes were really terminated."""
    return [call for _, call in world.done].count("auto-scaling.TerminateInstanceInAutoScalingGroup")
