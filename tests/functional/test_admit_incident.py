"""admit_incident: what it reads, what it takes, and what a lost race does."""

from __future__ import annotations

import pytest

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict, Permanent, Refused
from nightshift.fleet import Lease
from tests.functional.staging import POLICY
from tests.functional.test_adopt_policy import write
from tests.functional.world import World
from tests.samples import sample


def opened(world: World) -> tuple[str, str]:
    """A sick node, and its open incident."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    return sick, world.speak(sick)["incident_id"]


def test_an_allowed_incident_holds_the_nodes_lease_under_a_new_fence(world: World) -> None:
    """The answer is the next state with all that it needs; lease and journal are one transaction."""
    sick, incident_id = opened(world)
    answer = world.invoke("admit_incident", {"incident_id": incident_id})
    assert (answer["next"], answer["level"], answer["remedy"]) == ("ApplyRemedy", 1, "restart_service")
    assert answer["symptom"] == "service_down"
    lease = world.group().leases[sick]
    assert (lease.incident_id, lease.fence) == (incident_id, world.group().fence)
    assert world.incident(incident_id).fence == lease.fence
    assert clock.parse(lease.expires_at) == clock.parse(clock.iso(clock.now())) + clock.seconds(600)
    assert world.story(incident_id)[-1] == ("admission", "allow")


def test_a_repeated_admission_renews_the_lease_with_a_higher_fence(world: World) -> None:
    """The machine may ask again after a lost answer: the older fence is worth nothing then."""
    sick, incident_id = opened(world)
    world.invoke("admit_incident", {"incident_id": incident_id})
    first = world.group().leases[sick].fence
    world.invoke("admit_incident", {"incident_id": incident_id})
    assert world.group().leases[sick].fence == first + 1


def test_the_journal_keeps_what_was_weighed(world: World) -> None:
    """Guard, samples, policy version: enough to explain and to replay."""
    _, incident_id = opened(world)
    world.invoke("admit_incident", {"incident_id": incident_id})
    entry = list(world.journals.read(incident_id))[-1].content
    inputs = entry["inputs"]
    assert isinstance(inputs, dict)
    assert (inputs["guard"], inputs["remedy"]) == ("admitted", "restart_service")
    assert inputs["newest_samples"]["service_down"][-1].endswith(" 0")
    assert len(inputs["policy"]) == 12


def test_a_lease_that_somebody_else_takes_meanwhile_is_not_overwritten(world: World) -> None:
    """Two incidents (or a deployment) reach for one node: one transaction wins, the other asks again."""
    sick, incident_id = opened(world)

    def other() -> None:
        lease = Lease(
            incident_id="deploy-7", fence=world.group().fence + 1, expires_at="2026-11-23T04:00:00.000Z"
        )
        tables.transact([world.groups.take_lease(world.group(), sick, lease, {}, clock.iso(clock.now()))])

    world.meanwhile["dynamodb.TransactWriteItems"] = other
    with pytest.raises(Conflict) as lost:
        world.invoke("admit_incident", {"incident_id": incident_id})
    assert "lease" in lost.value.context["lost"]
    assert world.group().leases[sick].incident_id == "deploy-7"
    answer = world.invoke("admit_incident", {"incident_id": incident_id})
    assert answer["next"] == "WaitUntil"
    assert "deploy-7" in answer["reason"]


def test_a_pause_that_comes_between_look_and_lease_holds_at_once(world: World) -> None:
    """The pause is a condition of the very transaction that takes the lease."""
    sick, incident_id = opened(world)
    world.meanwhile["dynamodb.TransactWriteItems"] = world.pause
    with pytest.raises(Conflict) as lost:
        world.invoke("admit_incident", {"incident_id": incident_id})
    assert "pause" in lost.value.context["lost"]
    assert sick not in world.group().leases
    assert world.invoke("admit_incident", {"incident_id": incident_id})["next"] == "WaitUntil"


def test_an_expired_foreign_lease_is_taken_over(world: World) -> None:
    """Expiry is judged by the attribute; nobody has to clean up first."""
    sick, incident_id = opened(world)
    before = world.group()
    dead = Lease(incident_id="inc-dead", fence=before.fence + 1, expires_at=clock.iso(clock.now()))
    tables.transact([world.groups.take_lease(before, sick, dead, {}, clock.iso(clock.now()))])
    assert world.invoke("admit_incident", {"incident_id": incident_id})["next"] == "ApplyRemedy"
    assert world.group().leases[sick].incident_id == incident_id


def test_a_silent_node_is_asked_about_and_then_paged(world: World) -> None:
    """No samples: a person is asked, nothing is restarted on an alarm's word."""
    sick, incident_id = opened(world)
    world.readings[sick] = {}
    world.pass_time(25)
    answer = world.invoke("admit_incident", {"incident_id": incident_id})
    assert (answer["next"], answer["outcome"]) == ("Notify", "escalated")
    assert "cannot see the node" in answer["reason"]
    assert world.group().leases == {}


def test_an_incident_that_was_closed_meanwhile_is_not_admitted(world: World) -> None:
    """Its lease was given back; a machine that still asks is sent to its end."""
    _, incident_id = opened(world)
    request = {"incident_id": incident_id, "outcome": "escalated", "reason": "aborted"}
    world.invoke("close_incident", request)
    assert world.invoke("admit_incident", {"incident_id": incident_id})["next"] == "CloseIncident"
    assert world.group().leases == {}
    assert world.incident(incident_id).state == "escalated"


def test_an_unknown_incident_is_permanent(world: World) -> None:
    """No retry makes it exist."""
    with pytest.raises(Permanent) as unknown:
        world.invoke("admit_incident", sample("heal/admit_incident"))
    assert unknown.value.code == "incident.unknown"


def test_a_request_of_an_unknown_shape_is_refused(world: World) -> None:
    """The machine's own input is read as carefully as everybody else's."""
    with pytest.raises(Refused) as refused:
        world.invoke("admit_incident", {"id": "inc-1"})
    assert refused.value.code == "event.unknown_shape"


def test_without_a_policy_nothing_is_admitted(world: World) -> None:
    """A stack that never adopted one acts on nothing."""
    from nightshift.aws import session
    from tests.stack import stack

    _, incident_id = opened(world)
    session.client("dynamodb").delete_item(
        TableName=stack().ref("PoliciesTable"), Key={"policy_version": {"S": "current"}}
    )
    with pytest.raises(Permanent) as none:
        world.invoke("admit_incident", {"incident_id": incident_id})
    assert none.value.code == "policy.none"
    assert world.group().leases == {}


def test_inside_a_maintenance_window_the_machine_is_told_to_wait_for_its_end(world: World) -> None:
    """The window comes from the adopted policy; nothing is held meanwhile, and after it healing goes on."""
    _, incident_id = opened(world)
    begins = clock.now() - clock.seconds(60)
    window = f"{{ cron: '{begins.minute} {begins.hour} * * *', duration_minutes: 3, why: backup }}"
    write(f"{POLICY}maintenance:\n  - {window}\n")
    assert world.invoke("adopt_policy", sample("schedule/adopt_policy"))["adopted"]
    answer = world.invoke("admit_incident", {"incident_id": incident_id})
    ends = begins.replace(second=0, microsecond=0) + clock.seconds(180)
    assert (answer["next"], answer["until"]) == ("WaitUntil", clock.iso(ends))
    assert "backup" in answer["reason"]
    assert world.group().leases == {}
    assert world.story(incident_id)[-1] == ("admission", "wait")
    world.pass_time(int((ends - clock.now()).total_seconds()) + 1)
    assert world.invoke("admit_incident", {"incident_id": incident_id})["next"] == "ApplyRemedy"
