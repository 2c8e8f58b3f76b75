"""Whichever call a function dies at, before it or after it: the effects happen once and the incident ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.crashes import Crashes, everywhere
from tests.faults.life import effects, live, terminations
from tests.functional.endings import levels, over
from tests.functional.staging import POLICY
from tests.functional.world import World

LADDER = "[restart_service, rebuild_container, replace_node]"
RESTART_ONLY = POLICY.replace(LADDER, "[restart_service]")
REPLACE_ONLY = POLICY.replace(LADDER, "[replace_node]")
PUBLISH, RECORD = ("notify", "sns.Publish"), ("notify", "dynamodb.TransactWriteItems")
LAST = ("notify ", "close_incident ")  # the calls before them are crashed at in the lives above
orders = pytest.mark.parametrize("event_first", [False, True], ids=["sender first", "event first"])


@orders
def test_a_restart_happens_once(tmp_path: Path, *, event_first: bool) -> None:
    """Level 1: one restart, no page, the lease given back, the journal whole."""

    def life(world: World, _: Crashes) -> None:
        sick = begin(world, event_first=event_first)
        incident_id = live(world, sick)
        healed(world, incident_id)
        assert levels(world, incident_id) == [(1, "restart_service", "healed")]
        assert effects(world) == [("RestartService", sick)]
        assert terminations(world) == 0

    everywhere(tmp_path, life, least=60)


@orders
def test_a_node_is_replaced_once(tmp_path: Path, *, event_first: bool) -> None:
    """Level 3: one termination, one successor with one release, and none that is still expected."""

    def life(world: World, _: Crashes) -> None:
        sick = begin(world, event_first=event_first)
        incident_id = live(world, sick)
        healed(world, incident_id)
        assert levels(world, incident_id) == [(1, "replace_node", "healed")]
        successor = world.incident(incident_id).node_id
        assert effects(world) == [("InstallRelease", successor)]
        assert terminations(world) == 1
        assert sick not in world.instances()
        assert (world.node(successor).state, world.node(successor).replaces) == ("in_service", sick)
        assert len(world.instances()) == 2

    everywhere(tmp_path, life, REPLACE_ONLY, least=80)


def test_a_person_is_paged_once(tmp_path: Path) -> None:
    """SNS takes no request token: a death between its answer and our record of it pages twice, no other."""

    def life(world: World, crashes: Crashes) -> None:
        sick = begin(world)
        world.cures = set()
        world.pulse = lambda when, call: crashes.pulse(when, call) if call.startswith(LAST) else None
        incident_id = live(world, sick)
        over(world, incident_id, "escalated")
        assert effects(world) == [("RestartService", sick)]
        unrecorded = PUBLISH in crashes.done and RECORD not in crashes.done
        pages = [page["Message"] for page in world.pages()]
        assert len(pages) == (2 if unrecorded else 1)
        assert len(set(pages)) == 1, "a second page says what the first one said"
        assert incident_id in pages[0]
        assert world.story(incident_id).count(("page", "sent")) == 1

    everywhere(tmp_path, life, RESTART_ONLY, least=20)


def begin(world: World, *, event_first: bool = False) -> str:
    """A node falls ill; with ``event_first`` a command's end comes before its sender hears its id."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    if event_first:
        world.end_at_once()
    return sick


def healed(world: World, incident_id: str) -> None:
    """It ended well: one execution, nothing held, nobody paged, the chain intact."""
    over(world, incident_id, "healed")
    assert world.executions() == [incident_id]
    assert world.pages() == []
    assert not world.subject(world.incident(incident_id).node_id).open_incident
