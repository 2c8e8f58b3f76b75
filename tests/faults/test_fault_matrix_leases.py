"""The fault matrix, rows 18, 19 and 22: owners that wake too late, clocks that differ, rows that stay.

The judge of the first two is I4: who acts holds the node at this moment, under the fence that it acts with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from typing import Any
from unittest.mock import patch

import pytest

from nightshift import clock
from nightshift.aws import tables
from nightshift.errors import Conflict
from nightshift.fleet import Lease
from tests.faults.dying import Fuse
from tests.faults.life import Mail, effects, terminations
from tests.functional.endings import over
from tests.functional.gate import Killed
from tests.functional.machine import Machine, turn
from tests.functional.orders import admitted, order
from tests.functional.staging import POLICY, made
from tests.functional.world import World
from tests.samples import sample

LEASE = 600  # seconds, in POLICY
RESTART = POLICY.replace("[restart_service, rebuild_container, replace_node]", "[restart_service]")
PATIENT = RESTART.replace("stale_seconds: 20", "stale_seconds: 700")
SELDOM = (
    PATIENT.replace("recheck_seconds: 5", "recheck_seconds: 60")
    .replace("deadline_seconds: 1200", "deadline_seconds: 900")
    .replace("for_seconds: 5", "for_seconds: 310", 1)  # seen to last by each of the clocks
)
SEND = "ssm.SendCommand"
MINUTES = 300  # seconds that a clock is wrong by
ILL = 640  # seconds, when the alarms speak


def taken_over(world: World, incident_id: str, sick: str) -> Callable[[], object]:
    """What happens while the owner sleeps: its lease is over, and the next one heals the node in its place.

    Its machine was found dead, so that its incident is closed; the same node falls ill once more.
    """

    def act() -> None:
        world.cures, world.endings = {"RestartService"}, {}
        world.time.shift(LEASE + 1)
        event = sample("states/failed")
        event["detail"].update(name=incident_id, status="TIMED_OUT")
        world.invoke("close_incident", event)
        world.get_well(sick)
        world.pass_time(20)
        world.speak(sick, state="OK")
        world.fall_ill(sick)
        world.speak(sick)
        after = world.subject(sick).open_incident
        Machine(world, after).run()
        assert after != incident_id
        over(world, after, "healed")

    return act


def leased(world: World, sick: str, seconds: int) -> Lease:
    """A deployment takes the node's lease, which has expired or was never there."""
    group, expires = world.group(), clock.iso(clock.now() + clock.seconds(seconds))
    lease = Lease(incident_id="dep-20261123-0123456789", fence=group.fence + 1, expires_at=expires)
    tables.write(world.groups.take_lease(group, sick, lease, {}, clock.iso(clock.now())))
    return lease


@pytest.mark.parametrize("owner", ["the next incident", "a deployment"])
def test_row_18_an_owner_that_wakes_before_its_intent_starts_no_call_any_more(
    world: World, owner: str
) -> None:
    """The intent's transaction is the check: it fails, and nothing is called or written after it."""
    sick, incident_id, late = admitted(world)
    fuse = Fuse(world, "never", "")

    def deployed() -> None:
        world.time.shift(LEASE)
        leased(world, sick, LEASE)

    taken = taken_over(world, incident_id, sick) if owner == "the next incident" else deployed
    world.meanwhile["dynamodb.TransactWriteItems"] = taken
    with pytest.raises(Conflict, match="nothing was done"):
        world.invoke("apply_remedy", late)
    woken = "close_incident " if owner == "the next incident" else "apply_remedy dynamodb.TransactWriteItems"
    assert fuse.heard[-1].startswith(woken), "a call after the check"
    assert effects(world) == [("RestartService", sick)] * (owner == "the next incident")
    assert world.incident(incident_id).levels == ()


def test_row_18_an_owner_that_wakes_after_its_intent_is_refused_by_the_node(world: World) -> None:
    """The call was on its way already: the node knows a higher fence; the group is as the other left it."""
    sick, incident_id, late = admitted(world)
    world.meanwhile[SEND] = taken_over(world, incident_id, sick)
    world.invoke("apply_remedy", late)
    group, node, command = world.group(), world.node(sick), world.ssm.last
    assert command.parameters["Fence"] == "1"
    world.invoke("resume_step", world.finish(command, *world.effect(command)))
    assert world.incident(incident_id).levels[0].detail == "Failed: refused: fence 1 is older than 2"
    assert effects(world) == [("RestartService", sick)]
    assert (world.group(), world.node(sick)) == (group, node)
    assert world.incident(incident_id).state == "resolved"


def test_row_18_an_owner_that_wakes_before_its_look_terminates_nothing(world: World) -> None:
    """A termination carries no fence, so the lease is asked for once more when the group was looked at."""
    sick, incident_id, late = admitted(world, levels=2)
    fuse = Fuse(world, "never", "")
    world.meanwhile["auto-scaling.DescribeInstanceRefreshes"] = taken_over(world, incident_id, sick)
    acted = len(effects(world))
    with pytest.raises(Conflict, match="nothing more is done"):
        world.invoke("replace_node", late)
    assert fuse.heard[-1] == "replace_node dynamodb.TransactWriteItems"
    assert effects(world)[acted:] == [("RestartService", sick)]
    assert (sick in world.instances(), terminations(world)) == (True, 0)
    assert world.group().replacements == {}


@pytest.mark.parametrize(("function", "levels"), [("apply_remedy", 0), ("replace_node", 2)])
def test_row_18_a_retry_that_comes_too_late_does_nothing(world: World, function: str, levels: int) -> None:
    """The first try died before its effect; its order comes again when the node is somebody else's."""
    sick, incident_id, late = admitted(world, levels)
    acted = len(effects(world))
    call = SEND if levels == 0 else "auto-scaling.TerminateInstanceInAutoScalingGroup"
    fuse = Fuse(world, "before", f"{function} {call}")
    with pytest.raises(Killed):
        world.invoke(function, late)
    taken_over(world, incident_id, sick)()
    with pytest.raises(Conflict, match="nothing more is done"):
        world.invoke(function, late)
    assert fuse.heard[-1] == f"{function} dynamodb.TransactWriteItems"
    assert effects(world)[acted:] == [("RestartService", sick)]
    assert (sick in world.instances(), terminations(world)) == (True, 0)


@contextmanager
def skewed(world: World, clocks: Sequence[int]) -> Iterator[None]:
    """Each invocation has the clock of its own machine, so many seconds wrong, in turn."""
    wrong, invoke = cycle(clocks), world.invoke

    def elsewhere(name: str, event: dict[str, Any]) -> dict[str, Any]:
        seconds = next(wrong)
        world.time.shift(seconds)
        try:
            return invoke(name, event)
        finally:
            world.time.shift(-seconds)

    with patch.object(world, "invoke", elsewhere):
        yield


@pytest.mark.parametrize(
    ("lease", "clocks"),
    [(60, (0, MINUTES, 0)), (LEASE, (0, MINUTES, MINUTES, -MINUTES, -MINUTES))],
)
def test_row_19_with_clocks_five_minutes_wrong_there_are_never_two_holders(
    lease: int, clocks: tuple[int, ...]
) -> None:
    """Two of four nodes are ill and one may be in repair; a wrong clock takes a lease too early at worst."""
    policy = SELDOM.replace(f"lease_seconds: {LEASE}", f"lease_seconds: {lease}")
    with made(policy, nodes=4) as world:
        sick, acting = world.instances()[:2], ""
        world.readings = {one: {"ServiceUp": 0.0} if one in sick else {} for one in world.instances()}
        for _ in range(ILL // 10):
            world.time.shift(9)
            world.pass_time(1)

        def judge(when: str, call: str) -> None:
            if (when, call) == ("before", f"apply_remedy {SEND}"):
                with patch.object(world, "function", ""):
                    incident, group = world.incident(acting), world.group()
                held = group.leases.get(incident.node_id)
                assert held, f"{acting} acts without a lease"
                assert (held.incident_id, held.fence) == (acting, incident.fence)

        world.pulse = judge
        for one in sick:
            world.speak(one, held=ILL)
        with skewed(world, clocks):
            machines = [Machine(world, world.subject(one).open_incident) for one in sick]
            while not all(one.over for one in machines):
                for one in machines:
                    acting = one.context["Execution"]["Name"]
                    one.advance()
                    assert len(world.group().leases) <= 1
                if not turn(world):
                    world.time.shift(9)
                    world.pass_time(1)
        acted = effects(world)
        assert len(set(acted)) == len(acted) > 0
        names = [one.context["Execution"]["Name"] for one in machines]
        assert {world.incident(one).state for one in names} <= {"healed", "escalated"}
        assert world.group().leases == {}


def test_row_22_an_expired_lease_that_still_stands_counts_nowhere() -> None:
    """Its owner died unheard and nothing deletes its row: to the millisecond before it holds the only place
    in repair, from then on it holds none, and whoever takes the place removes it."""
    with made(PATIENT, nodes=4) as world:
        first, second = world.instances()[:2]
        for one in (first, second):
            world.fall_ill(one)
            world.speak(one)
        dead, other = (world.subject(one).open_incident for one in (first, second))
        late = order(world, dead)
        until_a_millisecond_before(world, world.group().leases[first])
        answer = world.invoke("admit_incident", {"incident_id": other})
        assert answer["next"] == "WaitUntil"
        assert "in repair" in answer["reason"]
        world.time.shift(0.001)
        assert world.invoke("admit_incident", {"incident_id": other})["next"] == "ApplyRemedy"
        assert set(world.group().leases) == {second}
        with pytest.raises(Conflict):
            world.invoke("apply_remedy", late)
        assert effects(world) == []


def test_row_22_a_node_under_an_expired_lease_that_still_stands_is_free() -> None:
    """The same on one node: whoever held it is asked to show its lease, and cannot."""
    with made(PATIENT, nodes=4) as world:
        sick = world.instances()[0]
        held = leased(world, sick, 60)
        world.fall_ill(sick)
        incident_id = world.speak(sick)["incident_id"]
        until_a_millisecond_before(world, held)
        answer = world.invoke("admit_incident", {"incident_id": incident_id})
        assert answer["next"] == "WaitUntil"
        assert answer["reason"] == f"{held.incident_id} holds the node until {held.expires_at}"
        world.time.shift(0.001)
        mail = Mail(world)
        Machine(world, incident_id).run()
        mail.deliver()
        over(world, incident_id, "healed")
        assert [one.parameters["Fence"] for one in world.guards.acted[-1:]] == ["2"]


def until_a_millisecond_before(world: World, lease: Lease) -> None:
    """Time passes until the lease is about to end; the last samples are fresh."""
    left = (clock.parse(lease.expires_at) - clock.now()).total_seconds()
    world.time.shift(left - 2)
    world.pass_time(1)
    world.time.shift(0.999)
