"""What a node was like is kept before the machine goes on, and never holds it up."""

from __future__ import annotations

import hashlib

from nightshift.aws import session
from tests.functional.endings import levels, over
from tests.functional.machine import heal
from tests.functional.orders import admitted
from tests.functional.world import World
from tests.stack import stack


def kept(key: str) -> str:
    """An object of the artifacts bucket."""
    body = session.client("s3").get_object(Bucket=stack().ref("ArtifactsBucket"), Key=key)["Body"]
    return str(body.read().decode())


def test_the_whole_output_is_saved_and_named_in_the_journal(world: World) -> None:
    """Also what the journal's own tail cuts off; the note carries the key and the sum."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    said = "-- before: processes\n" + "x" * 1500
    world.invoke("resume_step", world.finish(world.ssm.last, "Success", said))
    key = f"diagnostics/{incident_id}/{incident_id}-restart-service.txt"
    assert kept(key) == said
    assert world.incident(incident_id).levels[0].diagnostics == key
    inputs = list(world.journals.read(incident_id))[-1].content["inputs"]
    assert (inputs["diagnostics"], inputs["diagnostics_sha256"]) == (
        key,
        hashlib.sha256(said.encode()).hexdigest(),
    )


def test_a_bucket_that_refuses_does_not_stop_the_healing(world: World) -> None:
    """The note says why nothing was kept, and the token is answered."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    world.broken["s3.PutObject"] = "AccessDenied"
    world.invoke("resume_step", world.finish(world.ssm.last))
    assert world.tokens[step["token"]] == {"succeeded": True}
    inputs = list(world.journals.read(incident_id))[-1].content["inputs"]
    assert inputs["diagnostics_not_saved"].startswith("AccessDenied")


def test_a_node_is_looked_at_before_it_goes_and_that_is_no_level(world: World) -> None:
    """The last look is linked from level 3 and from the page."""
    sick, _ = world.instances()
    world.cures = set()
    world.fall_ill(sick)
    incident_id, machine = heal(world, sick)
    over(world, incident_id, "escalated")
    assert machine.visited.count("SaveDiagnostics") == 1
    assert [one[1] for one in levels(world, incident_id)][2:] == ["replace_node"]
    key = f"diagnostics/{incident_id}/{incident_id}-diagnose.txt"
    assert world.incident(incident_id).levels[2].diagnostics == key
    assert kept(key) == "Diagnose is done"
    assert f"nightshift diagnostics {incident_id}" in world.pages()[0]["Message"]


def test_a_node_without_an_agent_is_replaced_at_once(world: World) -> None:
    """Diagnosing never blocks a replacement."""
    sick, _ = world.instances()
    world.ssm.offline.add(sick)
    world.cures = {"Welcome"}
    world.fall_ill(sick)
    token = "token-look"
    incident_id = world.speak(sick)["incident_id"]
    world.tokens[token] = None
    world.invoke("save_diagnostics", {"incident_id": incident_id, "token": token})
    assert world.tokens[token] == {"succeeded": False}
    assert world.story(incident_id)[-1] == ("diagnostics", "not_saved")
