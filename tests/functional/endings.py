"""How an incident ended."""

from __future__ import annotations

from tests.functional.world import World


def levels(world: World, incident_id: str) -> list[tuple[int, str, str]]:
    """What was tried and what came of it."""
    return [(one.level, one.remedy, one.outcome) for one in world.incident(incident_id).levels]


def over(world: World, incident_id: str, state: str) -> None:
    """The incident ended in ``state`` and gave everything back; its journal is whole."""
    ended = world.incident(incident_id)
    assert ended.state == state
    assert ended.closed_at
    assert world.group().leases == {}
    assert world.group().replacements == {}
    assert world.story(incident_id)[-1] in {("closed", state), ("page", "sent")}
