"""resume_step: a command's end finds the step that waits for it, in whatever order both come."""

from __future__ import annotations

import pytest

from tests.functional.orders import admitted
from tests.functional.world import World
from tests.samples import sample


def test_the_end_of_a_command_answers_the_waiting_token(world: World) -> None:
    """resume_step records the result once, answers, and tells everybody."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    assert world.tokens[step["token"]] is None
    answer = world.invoke("resume_step", world.finish(world.ssm.last, output="restarted: web"))
    assert answer == {"step_id": f"{incident_id}-restart-service", "status": "Success"}
    assert world.tokens[step["token"]] == {"succeeded": True}
    level = world.incident(incident_id).levels[0]
    assert (level.detail, level.outcome) == ("Success: restarted: web", "running")
    assert level.acted_at
    (applied,) = world.events("RemedyApplied")
    assert (applied["remedy"], applied["succeeded"]) == ("restart_service", True)


def test_a_failed_command_answers_that_it_failed(world: World) -> None:
    """The token is answered, never failed: the machine decides what a failure means."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    world.invoke("resume_step", world.finish(world.ssm.last, "Failed", "-- log\nno such unit"))
    assert world.tokens[step["token"]] == {"succeeded": False}
    assert world.incident(incident_id).levels[0].outcome == "failed"
    assert world.story(incident_id)[-1] == ("result", "failed")


def test_a_command_that_ended_before_its_sender_noted_it_is_concluded_by_the_sender(world: World) -> None:
    """Event and note come in either order; whoever is second sees both halves."""
    _, incident_id, step = admitted(world)
    world.end_at_once()
    world.invoke("apply_remedy", step)
    assert world.tokens[step["token"]] == {"succeeded": True}
    assert world.story(incident_id)[-1] == ("result", "succeeded")
    assert len(world.events("RemedyApplied")) == 1


def test_an_end_that_is_told_twice_is_recorded_once(world: World) -> None:
    """The first result stays; the second delivery finds a token that nobody waits for."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    event = world.finish(world.ssm.last)
    world.invoke("resume_step", event)
    world.pass_time(5)
    before = world.incident(incident_id)
    world.invoke("resume_step", event)
    assert world.incident(incident_id) == before
    assert world.story(incident_id).count(("result", "succeeded")) == 1


def test_a_crash_between_result_and_answer_is_made_good(world: World) -> None:
    """The result is stored, the answer got lost: the repeated event answers."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    event = world.finish(world.ssm.last)
    world.broken["sfn.SendTaskSuccess"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        world.invoke("resume_step", event)
    assert world.tokens[step["token"]] is None
    world.broken.clear()
    world.invoke("resume_step", event)
    assert world.tokens[step["token"]] == {"succeeded": True}
    assert world.story(incident_id).count(("result", "succeeded")) == 1


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Delayed", "Cancelling"])
def test_a_command_that_still_runs_answers_nothing(world: World, status: str) -> None:
    """Only an end is an end."""
    _, _, step = admitted(world)
    world.invoke("apply_remedy", step)
    assert world.invoke("resume_step", world.finish(world.ssm.last, status)) == {
        "step_id": "",
        "status": status,
    }
    assert world.tokens[step["token"]] is None


@pytest.mark.parametrize(
    "status", ["TimedOut", "Cancelled", "DeliveryTimedOut", "ExecutionTimedOut", "Undeliverable"]
)
def test_every_other_end_of_a_command_is_a_failure(world: World, status: str) -> None:
    """Also what AWS calls by another name than Failed."""
    _, _, step = admitted(world)
    world.invoke("apply_remedy", step)
    world.invoke("resume_step", world.finish(world.ssm.last, status, ""))
    assert world.tokens[step["token"]] == {"succeeded": False}


def test_a_result_survives_another_writer(world: World) -> None:
    """A symptom joins while the result is written: the result is written again, on the newer version."""
    sick, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    world.fall_ill(sick, "disk_full", 1)
    world.meanwhile["dynamodb.TransactWriteItems"] = lambda: world.speak(sick, "disk_full")
    world.invoke("resume_step", world.finish(world.ssm.last))
    incident = world.incident(incident_id)
    assert set(incident.symptoms) == {"service_down", "disk_full"}
    assert incident.levels[0].acted_at
    assert world.story(incident_id)[-2:] == [("joined", "joined"), ("result", "succeeded")]


def test_somebody_elses_command_is_nobodys_step(world: World) -> None:
    """A person ran a Nightshift document by hand: its end is kept for a sender that never comes."""
    assert world.invoke("resume_step", sample("command/succeeded")) == {"step_id": "", "status": "Success"}
