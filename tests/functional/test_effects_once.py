"""Intent, then act: what is sent once, what holds at once, and what is refused before anything happens."""

from __future__ import annotations

import pytest

from nightshift.aws import session
from nightshift.errors import Conflict, Permanent, Refused
from tests.functional.machine import heal
from tests.functional.orders import admitted, sent
from tests.functional.state import GROUP
from tests.functional.world import World


def test_the_intent_is_written_before_anything_is_sent(world: World) -> None:
    """A crash at the very send leaves the intent, the attempt and the journal's entry behind."""
    sick, incident_id, step = admitted(world)
    world.broken["ssm.SendCommand"] = "InternalServerError"
    with pytest.raises(Exception, match="InternalServerError"):
        world.invoke("apply_remedy", step)
    assert world.story(incident_id)[-1] == ("intent", "act")
    assert world.incident(incident_id).levels[0].outcome == "running"
    assert [one.remedy for one in world.node(sick).attempts] == ["restart_service"]
    kept = world.steps.get(f"{incident_id}-restart-service")
    assert kept is not None
    assert (kept.token, kept.fence) == (step["token"], 1)


def test_a_retried_order_sends_the_same_step_and_waits_on_its_new_token(world: World) -> None:
    """The node answers a known step with its stored result; only the new token is answered."""
    _, incident_id, step = admitted(world)
    world.invoke("apply_remedy", step)
    world.tokens["token-retry"] = None
    world.invoke("apply_remedy", {**step, "token": "token-retry"})
    first, second = world.ssm.commands[-2:]
    assert first.parameters == second.parameters
    assert len(world.incident(incident_id).levels) == 1
    world.invoke("resume_step", world.finish(second))
    assert world.tokens["token-retry"] == {"succeeded": True}
    assert world.tokens[step["token"]] is None
    assert len(world.node(world.incident(incident_id).node_id).attempts) == 1


def test_a_pause_after_the_admission_holds_at_once(world: World) -> None:
    """Between admission and intent somebody pulls the switch: Conflict, and nothing is sent."""
    sick, incident_id, step = admitted(world)
    world.pause()
    before = sent(world)
    with pytest.raises(Conflict) as held:
        world.invoke("apply_remedy", step)
    assert held.value.code == "intent.not_admitted"
    assert held.value.context["lost"] == "pause"
    assert sent(world) == before
    assert world.incident(incident_id).levels == ()
    assert world.node(sick).attempts == ()
    assert world.steps.get(f"{incident_id}-restart-service") is None


def test_a_pause_between_look_and_termination_keeps_the_node(world: World) -> None:
    """Level 3 asks the same switch in the same transaction."""
    sick, _, step = admitted(world, levels=2)
    world.pause()
    with pytest.raises(Conflict):
        world.invoke("replace_node", step)
    assert sick in world.instances()
    assert world.group().replacements == {}


@pytest.mark.parametrize("how", ["expired", "given back", "newer fence"])
def test_a_lease_that_is_not_held_any_more_stops_the_effect(world: World, how: str) -> None:
    """Whoever was slow must not act under a lease that ended, was closed or was renewed by another."""
    sick, incident_id, step = admitted(world)
    if how == "expired":
        world.time.shift(601)
    elif how == "given back":
        request = {"incident_id": incident_id, "outcome": "escalated", "reason": "aborted"}
        world.invoke("close_incident", request)
    else:
        session.client("dynamodb").update_item(
            TableName="nightshift-GroupsTable",
            Key={"group": {"S": GROUP}},
            UpdateExpression="SET leases.#node.fence = :new",
            ExpressionAttributeNames={"#node": sick},
            ExpressionAttributeValues={":new": {"N": "99"}},
        )
    before = sent(world)
    with pytest.raises(Conflict) as lost:
        world.invoke("apply_remedy", step)
    assert "lease" in lost.value.context["lost"]
    assert sent(world) == before


def test_an_unknown_node_is_permanent_and_nothing_is_sent(world: World) -> None:
    """The node left the inventory between admission and effect."""
    _, incident_id, step = admitted(world)
    node_id = world.incident(incident_id).node_id
    session.client("dynamodb").delete_item(TableName="nightshift-NodesTable", Key={"node_id": {"S": node_id}})
    before = sent(world)
    with pytest.raises(Permanent) as unknown:
        world.invoke("apply_remedy", step)
    assert unknown.value.code == "node.unknown"
    assert sent(world) == before


def test_an_unknown_remedy_is_the_steps_result_and_nothing_is_sent(world: World) -> None:
    """A policy of a newer version may name it; this code does not know it."""
    _, incident_id, step = admitted(world)
    before = sent(world)
    world.invoke("apply_remedy", {**step, "remedy": "reboot_universe"})
    assert sent(world) == before
    assert world.tokens[step["token"]] == {"succeeded": False}
    assert world.incident(incident_id).levels[0].detail.startswith("remedy.unknown")


@pytest.mark.parametrize("function", ["apply_remedy", "replace_node"])
def test_an_order_of_an_unknown_shape_is_refused(world: World, function: str) -> None:
    """Nothing is done on half an order."""
    with pytest.raises(Refused) as refused:
        world.invoke(function, {"incident_id": "inc-1"})
    assert refused.value.code == "event.unknown_shape"


def test_a_termination_that_is_ordered_again_is_looked_up_first(world: World) -> None:
    """Terminating takes no request token: the repeated order finds the node gone and does no more."""
    sick, incident_id, step = admitted(world, levels=2)
    world.invoke("replace_node", step)
    after = world.instances()
    assert sick not in after
    world.tokens["token-retry"] = None
    world.invoke("replace_node", {**step, "token": "token-retry"})
    assert world.instances() == after
    assert world.group().replacements == {sick: f"{incident_id}-replace-node"}


@pytest.mark.parametrize("status", ["Pending", "InProgress", "Cancelling", "RollbackInProgress"])
def test_no_node_is_replaced_while_its_group_is_refreshed(world: World, status: str) -> None:
    """Two hands in one group: the refresh goes first, a person is asked."""
    sick, incident_id, step = admitted(world, levels=2)
    world.refreshes = [{"Status": status}]
    world.invoke("replace_node", step)
    assert sick in world.instances()
    assert world.tokens[step["token"]] == {"succeeded": False}
    assert world.incident(incident_id).levels[2].detail.startswith("group.refreshing")


def test_a_node_that_is_not_in_service_is_not_replaced(world: World) -> None:
    """Somebody took it into standby: it is in good hands."""
    sick, incident_id, step = admitted(world, levels=2)
    session.client("autoscaling").enter_standby(
        AutoScalingGroupName=GROUP, InstanceIds=[sick], ShouldDecrementDesiredCapacity=True
    )
    world.invoke("replace_node", step)
    assert world.incident(incident_id).levels[2].detail.startswith("group.not_in_service")


def test_too_many_remedies_on_one_node_are_given_to_a_person(world: World) -> None:
    """Attempts are kept with the node, over incidents; old ones are forgotten."""
    sick, _ = world.instances()
    for _ in range(5):
        world.fall_ill(sick)
        heal(world, sick)
        world.pass_time(31)
    assert len(world.node(sick).attempts) == 5
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    incident = world.incident(incident_id)
    assert (incident.state, incident.levels) == ("escalated", ())
    (page,) = world.pages()
    assert "the limit is 5" in page["Message"]
