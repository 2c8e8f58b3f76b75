"""Alarms that stand without having spoken, and what a round of sweeps does about it."""

from __future__ import annotations

from nightshift.aws import session
from tests.functional.world import World
from tests.samples import sample


def sweep(world: World) -> list[str]:
    """One round of all sweeps; what they said."""
    said: list[str] = world.invoke("sweep", sample("schedule/sweep"))["said"]
    return said


def stand(node_id: str, state: str, symptom: str = "service_down") -> None:
    """A node's alarm changes now, and its event is lost."""
    session.client("cloudwatch").set_alarm_state(
        AlarmName=f"nightshift-node-{symptom}-{node_id}", StateValue=state, StateReason="Threshold Crossed"
    )


def follow(world: World) -> None:
    """Everything that was handed to a function arrives there."""
    while world.handed:
        function, event = world.handed.pop(0)
        world.invoke(function.removeprefix("nightshift-"), event)
