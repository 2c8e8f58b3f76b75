"""A replaced node's successor takes its place, once, and only while somebody waits for it."""

from __future__ import annotations

import pytest

from nightshift import clock
from nightshift.errors import Conflict
from tests.functional.endings import over
from tests.functional.fleet import alarms, grow
from tests.functional.machine import Machine, heal
from tests.functional.world import World


def ordered(world: World) -> tuple[str, str]:
    """A node whose replacement is ordered and terminated; its incident."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")}
    world.fall_ill(sick)
    incident_id = world.speak(sick)["incident_id"]
    machine = Machine(world, incident_id)
    order = machine.run(until="ReplaceNode")
    world.tokens["token-replace"] = None
    world.invoke("replace_node", {**order, "token": "token-replace"})
    return sick, incident_id


def test_a_successor_inherits_incident_attempts_and_lease_under_the_same_fence(world: World) -> None:
    """What was tried on its predecessor counts; nobody else may act on it meanwhile."""
    sick, incident_id = ordered(world)
    fence, step = world.incident(incident_id).fence, f"{incident_id}-replace-node"
    assert world.group().replacements == {sick: step}
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    node = world.node(fresh)
    assert (node.replaces, node.answers, node.state) == (sick, step, "pending")
    assert len(node.attempts) == 3
    lease = world.group().leases[fresh]
    assert (lease.incident_id, lease.fence) == (incident_id, fence)
    assert sick not in world.group().leases
    assert world.group().replacements == {}
    assert world.subject(fresh).open_incident == incident_id
    assert world.incident(incident_id).node_id == fresh
    assert world.tokens["token-replace"] is None
    world.invoke("resume_step", world.finish(world.ssm.last))
    assert world.tokens["token-replace"] == {"succeeded": True}


def test_a_successor_without_its_release_fails_the_step(world: World) -> None:
    """The machine goes on to a person; the node never counts as in service."""
    _, incident_id = ordered(world)
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    world.invoke("resume_step", world.finish(world.ssm.last, "Failed", "sha256 differs"))
    assert world.tokens["token-replace"] == {"succeeded": False}
    assert world.node(fresh).state == "pending"
    assert world.incident(incident_id).levels[-1].outcome == "failed"


def test_a_successor_that_cannot_install_its_release_is_paged_at_once(world: World) -> None:
    """Nobody waits for the deadline: the page names the successor, the release and the reason."""
    sick, _ = world.instances()
    world.cures = set()
    world.endings = {"Welcome": ("Failed", "sha256 differs"), "RestartService": ("Failed", "no")}
    world.endings["InstallRelease"] = ("Failed", "no")
    world.fall_ill(sick)
    began = clock.now()
    incident_id, machine = heal(world, sick)
    over(world, incident_id, "escalated")
    assert (clock.now() - began).total_seconds() < 60
    assert "WaitUntil" not in machine.visited
    fresh = world.incident(incident_id).node_id
    assert fresh != sick
    name = world.node(fresh).name
    reason = f"the successor {name} could not install release 1.0.0: Failed: sha256 differs"
    assert world.incident(incident_id).reason == reason
    world.deliver("IncidentEscalated")
    (page,) = world.pages()
    assert reason in page["Message"]


def test_only_one_of_two_fresh_nodes_is_the_successor(world: World) -> None:
    """Both came up at once: the claim is a condition, the other is just a new node."""
    _, incident_id = ordered(world)
    one = next(node for node in world.instances() if world.nodes.get(node) is None)
    other = grow(world)
    world.welcome(one)
    world.welcome(other)
    assert world.node(one).replaces
    assert world.node(other).replaces == ""
    assert world.incident(incident_id).node_id == one


def test_a_signal_that_joins_during_the_succession_makes_it_try_again(world: World) -> None:
    """The incident changed under it: Conflict, the queue delivers again, and then it succeeds."""
    sick, incident_id = ordered(world)
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.time.shift(1)
    signal = world.alarm(sick, "disk_full")
    world.invoke("raise_signal", signal)
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.deliver("SignalRaised")
    with pytest.raises(Conflict):
        world.invoke("welcome_node", world.launched(fresh))
    world.welcome(fresh)
    assert world.node(fresh).replaces == sick
    assert set(world.incident(incident_id).symptoms) == {"service_down", "disk_full"}


def test_the_terminate_event_may_come_before_or_after_the_successor(world: World) -> None:
    """Either order leaves one terminated node and one successor."""
    sick, incident_id = ordered(world)
    world.invoke("retire_node", world.terminated(sick))
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.welcome(fresh)
    world.invoke("retire_node", world.terminated(sick))
    assert (world.node(sick).state, world.node(sick).replaced_by) == ("terminated", fresh)
    assert world.incident(incident_id).node_id == fresh
    assert len(alarms(fresh)) == 3


def test_a_refused_replacement_expects_no_successor(world: World) -> None:
    """The group was being refreshed and the node still lives: the next fresh node is not its successor."""
    sick, _ = world.instances()
    world.cures = set()
    world.endings = {"RestartService": ("Failed", "no"), "InstallRelease": ("Failed", "no")}
    world.refreshes = [{"Status": "InProgress"}]
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    assert world.group().replacements == {}
    fresh = grow(world)
    world.welcome(fresh)
    assert world.node(fresh).replaces == ""
    assert world.node(sick).state == "in_service"
    assert world.incident(incident_id).node_id == sick


def test_a_successor_that_comes_after_the_incident_was_closed_is_a_node_like_any_other(world: World) -> None:
    """A person has the incident by then; the late node must be healed on its own account."""
    sick, incident_id = ordered(world)
    request = {"incident_id": incident_id, "outcome": "escalated", "reason": "the machine ended TIMED_OUT"}
    world.invoke("close_incident", request)
    assert world.group().replacements == {}
    fresh = next(one for one in world.instances() if world.nodes.get(one) is None)
    world.invoke("resume_step", world.finish(world.welcome(fresh)))
    assert world.node(fresh).state == "in_service"
    assert world.subject(fresh).open_incident == ""
    assert world.incident(incident_id).node_id == sick
