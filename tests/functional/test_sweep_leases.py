"""Leases that nobody holds any more, and those that somebody does."""

from __future__ import annotations

import pytest

from nightshift import clock
from nightshift.aws import tables
from nightshift.fleet import Lease
from tests.functional.orders import admitted
from tests.functional.state import GROUP
from tests.functional.sweeping import sweep
from tests.functional.world import World


def leased(world: World, node_id: str, holder: str, seconds: int = 600) -> Lease:
    """A lease that stands in the group, whoever wrote it."""
    group = world.group()
    end = clock.iso(clock.now() + clock.seconds(seconds))
    lease = Lease(incident_id=holder, fence=group.fence + 1, expires_at=end)
    tables.write(world.groups.take_lease(group, node_id, lease, {}, clock.iso(clock.now())))
    return lease


def test_the_lease_of_an_open_incident_is_never_taken(world: World) -> None:
    """It holds until it expires."""
    admitted(world)
    before = world.group()
    assert before.leases
    assert sweep(world) == []
    assert world.group() == before


def test_an_expired_lease_of_an_open_incident_ends_and_its_wait_for_a_successor_stays(world: World) -> None:
    """The incident takes it anew at its next rung; the successor that comes late is still its own."""
    sick, incident_id, order = admitted(world, levels=2)
    world.invoke("replace_node", order)
    lease = world.group().leases[sick]
    world.time.shift(601)
    said = [one for one in sweep(world) if "lease" in one]
    assert said == [
        f"the lease of {incident_id} on {sick} in {GROUP} is given back: it expired at {lease.expires_at}"
    ]
    assert (world.group().leases, list(world.group().replacements)) == ({}, [sick])
    assert [one for one in sweep(world) if "lease" in one] == []


@pytest.mark.parametrize("stored", [True, False])
def test_the_lease_of_an_incident_that_is_over_or_unknown_is_given_back(
    world: World, *, stored: bool
) -> None:
    """With its wait for a successor; a second sweep finds nothing."""
    sick, other = world.instances()
    incident_id = "inc-20261122-0123456789"
    if stored:
        world.fall_ill(sick)
        incident_id = world.speak(sick)["incident_id"]
        request = {"incident_id": incident_id, "outcome": "suppressed", "reason": "over"}
        world.invoke("close_incident", request)
    leased(world, other, incident_id)
    (said,) = sweep(world)
    assert said.endswith("its incident is suppressed" if stored else "there is no such incident")
    assert world.group().leases == {}
    assert sweep(world) == []


def test_what_a_deployment_holds_is_judged_by_its_expiry(world: World) -> None:
    """It is no incident, so that nobody can say that it is over."""
    node_id, _ = world.instances()
    lease = leased(world, node_id, "dep-1")
    assert sweep(world) == []
    assert world.group().leases == {node_id: lease}
    world.pass_time(600)
    assert len(sweep(world)) == 1
    assert world.group().leases == {}


def test_a_lease_that_is_taken_while_the_sweep_looks_stays(world: World) -> None:
    """The newer fence wins, and nothing is said."""
    node_id, _ = world.instances()
    leased(world, node_id, "inc-20261122-0123456789", seconds=-1)
    world.meanwhile["dynamodb.UpdateItem"] = lambda: leased(world, node_id, "dep-2")
    assert sweep(world) == []
    assert world.group().leases[node_id].incident_id == "dep-2"
