"""Steps whose command ended, and nobody heard of it."""

from __future__ import annotations

import pytest

from nightshift.errors import Permanent
from tests.functional.fleet import grow
from tests.functional.machine import Machine
from tests.functional.orders import admitted
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World


def ends_unheard(world: World, status: str = "Success") -> str:
    """The newest command ends, and its event is lost; its id."""
    world.finish(world.ssm.last, status, "restarted: web")
    return world.ssm.last.command_id


def test_a_step_whose_end_was_lost_is_concluded(world: World) -> None:
    """Not within two minutes, since the event may be on its way; then as if it had come."""
    _, incident_id, order = admitted(world)
    world.invoke("apply_remedy", order)
    command_id = ends_unheard(world)
    world.pass_time(100)
    assert sweep(world) == []
    world.pass_time(20)
    (said,) = sweep(world)
    step_id = f"{incident_id}-restart-service"
    assert said == f"{step_id}: its command {command_id} ended Success; resume_step is told"
    assert world.tokens[order["token"]] is None
    follow(world)
    assert world.tokens[order["token"]] == {"succeeded": True}
    assert world.incident(incident_id).levels[0].detail == "Success: restarted: web"
    assert sweep(world) == []


def test_two_sweeps_at_once_conclude_a_step_once(world: World) -> None:
    """Both tell resume_step; the second finds the result recorded and the token answered."""
    _, incident_id, order = admitted(world)
    world.invoke("apply_remedy", order)
    ends_unheard(world, "Failed")
    world.pass_time(120)
    sweep(world)
    sweep(world)
    assert len(world.handed) == 2
    follow(world)
    assert world.story(incident_id).count(("result", "failed")) == 1
    assert world.tokens[order["token"]] == {"succeeded": False}
    assert sweep(world) == []


def test_a_command_that_runs_is_left_alone(world: World) -> None:
    """However long: its document and its state have timeouts of their own."""
    _, _, order = admitted(world)
    world.invoke("apply_remedy", order)
    world.pass_time(500)
    assert sweep(world) == []
    assert world.handed == []


def test_a_step_that_was_concluded_is_not_asked_about(world: World) -> None:
    """Its event came, so that Run Command is not called."""
    _, _, order = admitted(world)
    world.invoke("apply_remedy", order)
    world.invoke("resume_step", world.finish(world.ssm.last))
    world.pass_time(120)
    world.calls.clear()
    assert sweep(world) == []
    assert "ssm:ListCommandInvocations" not in {call.action for call in world.calls}


def test_a_result_that_was_noted_and_never_concluded_is_made_good(world: World) -> None:
    """The event came, and resume_step died until nobody delivered it any more."""
    _, _, order = admitted(world)
    world.invoke("apply_remedy", order)
    event = world.finish(world.ssm.last)
    world.broken["ssm.ListCommandInvocations"] = "ThrottlingException"
    with pytest.raises(Exception, match="ThrottlingException"):
        world.invoke("resume_step", event)
    world.broken.clear()
    world.pass_time(120)
    assert len(sweep(world)) == 1
    follow(world)
    assert world.tokens[order["token"]] == {"succeeded": True}
    assert sweep(world) == []


@pytest.mark.parametrize("known", [True, False])
def test_a_command_that_was_never_delivered_has_failed(world: World, *, known: bool) -> None:
    """Run Command lists nothing on the node, or does not know the command: the ladder goes on."""
    _, incident_id, order = admitted(world)
    world.invoke("apply_remedy", order)
    if not known:
        world.ssm.forgotten.add(world.ssm.last.command_id)
    world.ssm.commands.clear()
    world.pass_time(120)
    sweep(world)
    follow(world)
    assert world.tokens[order["token"]] == {"succeeded": False}
    assert world.incident(incident_id).levels[0].detail.endswith("the command never reached this node")
    assert sweep(world) == []


def test_a_look_whose_end_was_lost_lets_the_replacement_go_on(world: World) -> None:
    """It waits on a token as remedies do."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.fall_ill(sick)
    machine = Machine(world, world.speak(sick)["incident_id"])
    machine.run(until="SaveDiagnostics")
    world.tokens["token-look"] = None
    request = {"incident_id": world.subject(sick).open_incident, "token": "token-look"}
    world.invoke("save_diagnostics", request)
    ends_unheard(world)
    world.pass_time(120)
    sweep(world)
    follow(world)
    assert world.tokens["token-look"] == {"succeeded": True}
    assert sweep(world) == []


def test_a_fresh_node_whose_installation_ended_unheard_serves(world: World) -> None:
    """No token waits for it, and no state's timeout would ever end it."""
    fresh = grow(world)
    world.welcome(fresh)
    ends_unheard(world)
    world.pass_time(120)
    sweep(world)
    sweep(world)
    follow(world)
    assert world.node(fresh).state == "in_service"
    assert sweep(world) == []


def test_a_fresh_node_whose_installation_failed_unheard_is_told_once(world: World) -> None:
    """To the dead-letter queue of resume_step; the sweep does not tell it every minute."""
    world.welcome(grow(world))
    ends_unheard(world, "Failed")
    world.pass_time(120)
    sweep(world)
    with pytest.raises(Permanent, match="no release: Failed"):
        follow(world)
    assert sweep(world) == []
