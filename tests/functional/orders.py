"""Orders of the heal machine, made by hand: what it passes to the function of the next remedy."""

from __future__ import annotations

from typing import Any

from tests.functional.world import World


def admitted(world: World, levels: int = 0) -> tuple[str, str, dict[str, Any]]:
    """A sick node, its incident, and the order of its next remedy after ``levels`` that did not help."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")} if levels else {}
    world.cures = {"Welcome"} if levels else world.cures
    for _ in range(levels):
        done = order(world, incident_id)
        world.invoke("apply_remedy", done)
        world.invoke("resume_step", world.finish(world.ssm.last, "Failed", "no"))
    return sick, incident_id, order(world, incident_id)


def order(world: World, incident_id: str) -> dict[str, Any]:
    """What the machine passes on to the next remedy's function, with a fresh token."""
    answer = world.invoke("admit_incident", {"incident_id": incident_id})
    token = f"token-{len(world.tokens) + 1}"
    world.tokens[token] = None
    return {**{key: answer[key] for key in ("incident_id", "level", "remedy", "symptom")}, "token": token}


def sent(world: World) -> int:
    """How many commands went out."""
    return len(world.ssm.commands)
