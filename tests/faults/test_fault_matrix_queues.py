"""The fault matrix, rows 33 and 34: what is poison dies alone, and what died may come back twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.life import effects, own
from tests.faults.queues import Queue
from tests.functional.endings import levels, over
from tests.functional.fleet import alarms, grow
from tests.functional.machine import Machine, turn
from tests.functional.pushing import line, request
from tests.functional.test_pushed_samples import rows
from tests.functional.world import World

POISON = {
    "no JSON": "\x7fELF",
    "no package": '{"node_id": 1}',
    "another's": '{"detail-type": "SignalRaised"}',
}


@pytest.mark.parametrize("poison", POISON)
def test_row_33_of_ten_messages_the_poisoned_one_dies_alone_and_somebody_is_paged(
    world: World, poison: str
) -> None:
    """Nine are rows after the first batch; the tenth is tried as often as the queue says, and is kept."""
    node_id, queue = world.instances()[0], Queue(world, "SamplesQueue", "ingest_metrics")
    for seconds in range(9):
        pushed = request(node_id, [line(world, seconds_ago=seconds)])
        assert world.invoke("receive_samples", pushed)["statusCode"] == 202
    bodies = [json.dumps(body) for _, body in world.queued]
    queue.put(*bodies[:4], POISON[poison], *bodies[4:])
    assert queue.deliver() == 10
    assert (len(rows()), queue.dead()) == (9, [])
    queue.exhaust()
    assert queue.dead() == [POISON[poison]]
    assert len(rows()) == len({(row["node_id"], row["seen_at"]) for row in rows()}) == 9
    assert queue.watched()


def test_row_34_a_launch_redriven_twice_from_its_dead_letters_is_one_welcome(world: World) -> None:
    """The agent came too late for twenty tries; both copies of the event are delivered, before and after
    the release is installed."""
    queue, fresh = Queue(world, "WelcomeQueue", "welcome_node"), grow(world)
    world.ssm.offline.add(fresh)
    event = world.launched(fresh)["Records"][0]["body"]
    queue.put(event)
    queue.exhaust()
    assert (queue.dead(), queue.watched()) == ([event], True)
    assert world.node(fresh).state == "pending"
    world.ssm.offline.clear()
    for _ in range(2):
        queue.put(*queue.dead() * 2)
        assert [queue.deliver() for _ in range(3)] == [1, 1, 0]
        while turn(world):
            pass
    assert world.node(fresh).state == "in_service"
    assert effects(world) == [("InstallRelease", fresh)]
    assert len(alarms(fresh)) == 3
    assert queue.dead() == [event], "nothing died again"


def dies(world: World, function: str, event: dict[str, Any], call: str) -> None:
    """An event whose function fails at this call, three times: Lambda keeps it as a dead letter."""
    world.broken[call] = "InternalServerError"
    for _ in range(3):
        with pytest.raises(Exception, match="InternalServerError"):
            world.invoke(function, event)
    world.broken.clear()


def test_row_34_every_event_of_a_heal_redriven_twice_is_one_heal(world: World) -> None:
    """Each function's event dies once and comes back twice; all come twice again when it is over."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    letters: list[tuple[str, dict[str, Any]]] = []

    def redriven(function: str, event: dict[str, Any], call: str) -> None:
        dies(world, function, event, call)
        letters.append((function, event))
        for _ in range(2):
            world.hand(function, event)

    redriven("raise_signal", world.alarm(sick), "eventbridge.PutEvents")
    signals = world.events("SignalRaised")
    redriven("open_incident", own("SignalRaised", signals[0]), "dynamodb.TransactWriteItems")
    for signal in signals[1:]:
        world.hand("open_incident", own("SignalRaised", signal))
    (incident_id,) = world.executions()
    machine = Machine(world, incident_id)
    while not world.ssm.running():
        machine.advance()
    command = world.ssm.last
    redriven("resume_step", world.finish(command, *world.effect(command)), "dynamodb.UpdateItem")
    while not machine.over:
        if not machine.advance():
            world.pass_time(1)
    redriven("close_incident", own("SignalCleared", cleared(world, sick)), "dynamodb.GetItem")
    for function, event in letters * 2:
        world.hand(function, event)
    assert world.executions() == [incident_id]
    assert effects(world) == [("RestartService", sick)]
    assert levels(world, incident_id) == [(1, "restart_service", "healed")]
    assert [kind for kind, _ in world.story(incident_id)].count("result") == 1
    over(world, incident_id, "healed")
    assert world.subject(sick).open_incident == ""
    assert world.pages() == []


def cleared(world: World, node_id: str) -> dict[str, Any]:
    """The node's alarm falls quiet; what is said of it."""
    world.hand("raise_signal", world.alarm(node_id, state="OK"))
    return world.events("SignalCleared")[-1]
