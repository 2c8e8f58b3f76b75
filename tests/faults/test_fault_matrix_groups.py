"""The fault matrix, rows 8 to 12: what a whole group may do wrong, driven through the real handlers."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nightshift import clock
from nightshift.amounts import at_least, at_most
from nightshift.aws import session
from nightshift.decisions.admission import admit
from nightshift.errors import Retryable
from nightshift.fleet import Capacity, GroupState, Lease
from tests.faults.life import Mail, effects, execute, live, terminations
from tests.functional.endings import over
from tests.functional.machine import Machine, turn
from tests.functional.rejected import Rejected
from tests.functional.staging import POLICY, made
from tests.functional.state import GROUP
from tests.functional.sweeping import follow, sweep
from tests.functional.world import World
from tests.stack import stack
from tests.unit.facts import at, healing, node, situation

COOLDOWN = 20  # seconds, the storm's in POLICY
DEFAULTS = POLICY.replace("  min_healthy: 1\n", "")


def ill(world: World, nodes: list[str]) -> list[str]:
    """They fall ill together and all their alarms speak; their incidents."""
    mail = Mail(world)
    for one in nodes:
        world.fall_ill(one, seconds=0)
    world.pass_time(8)
    for one in nodes:
        world.hand("raise_signal", world.alarm(one))
    mail.deliver()
    return [world.subject(one).open_incident for one in nodes]


def storm(world: World, members: list[str]) -> str:
    """Every member asks twice; the storm's own incident, after its machine paged."""
    mail = Mail(world)
    for one in members * 2:
        answer = world.invoke("admit_incident", {"incident_id": one})
        assert (answer["next"], world.group().leases) == ("WaitUntil", {})
    mail.deliver()
    incident_id = world.subject(f"group:{GROUP}").open_incident
    execute(world, incident_id)
    mail.deliver()
    return incident_id


def test_row_08_of_forty_nodes_thirty_alarm_and_there_is_one_storm_and_one_page() -> None:
    """Nothing is touched, no lease is taken; whatever the members do after it, nobody is paged again."""
    with made(nodes=40) as world:
        members = ill(world, world.instances()[:30])
        assert len(set(members)) == 30
        incident_id = storm(world, members)
        (page,) = world.pages()
        assert "30 of 40 nodes" in page["Message"]
        assert {world.incident(one).storm for one in members} == {incident_id}
        world.time.shift(1_300)  # the deadline
        world.pass_time(2)
        for one in members:
            execute(world, one)
        assert {world.incident(one).state for one in members} == {"escalated"}
        assert (effects(world), terminations(world), world.group().leases) == ([], 0, {})
        assert len(world.pages()) == 1


def test_row_09_when_a_storm_ends_nothing_is_healed_before_its_cool_down_and_then_one_by_one() -> None:
    """Four of six were ill, two recover; the machines of all take turns, second by second."""
    with made(nodes=6) as world:
        nodes = world.instances()[:4]
        members = ill(world, nodes)
        storm_id = storm(world, members)
        for one in nodes[:2]:
            world.get_well(one)
        machines, calm_at = [Machine(world, one) for one in members], ""
        while not all(one.over for one in machines):
            for one in machines:
                one.advance()
                assert len(world.group().leases) <= 1
            weather = world.group().storm
            calm_at = calm_at or (weather.calm_since or "" if weather else "")
            if effects(world):
                assert calm_at
                assert clock.now() >= clock.parse(calm_at) + clock.seconds(COOLDOWN)
                assert world.group().storm is None
            if not turn(world):
                world.pass_time(1)
        assert effects(world) in ([("RestartService", one) for one in order] for order in _orders(nodes[2:]))
        states = [world.incident(one).state for one in members]
        assert states == ["suppressed", "suppressed", "healed", "healed"]
        world.deliver("SignalCleared")
        assert world.incident(storm_id).state == "resolved"
        assert len(world.pages()) == 1


def _orders(two: list[str]) -> list[list[str]]:
    return [two, two[::-1]]


AMOUNTS = st.one_of(st.integers(0, 6), st.integers(0, 60).map(lambda share: f"{share}%"))


@settings(max_examples=1_000)
@given(
    wanted=st.sampled_from([0, 1, 2, 6, 25]),
    most=AMOUNTS,
    least=AMOUNTS,
    leased=st.sets(st.integers(1, 24), max_size=6),
    lost=st.sets(st.integers(1, 24), max_size=6),
)
def test_row_10_at_the_edges_no_limit_is_ever_passed(
    wanted: int, most: Any, least: Any, leased: set[int], lost: set[int]
) -> None:
    """Whatever is in repair or missing: what is admitted stays within both limits, as the floor counts."""
    others = [f"i-other{number}" for number in range(1, wanted)]
    held = {f"i-other{number}" for number in leased} & set(others)
    serving = set(others) - {f"i-other{number}" for number in lost}
    group = GroupState(
        group=GROUP,
        app="web",
        auto_scaling_group=GROUP,
        leases={one: Lease(incident_id=f"inc-{one}", fence=1, expires_at=at(60)) for one in held},
    )
    facts = situation(
        group=group,
        capacity=Capacity(desired=wanted, in_service=frozenset(serving | {node().node_id})),
        healing=healing(max_in_repair=most, min_healthy=least),
    )
    if admit(facts).answer == "allow":
        assert wanted > 0
        assert len(held) + 1 <= at_most(most, wanted)
        assert len(serving - held) >= at_least(least, wanted)


@pytest.mark.parametrize(("wanted", "healed"), [(0, 0), (1, 0), (2, 1), (6, 1), (25, 1)])
def test_row_10_with_the_default_limits_a_group_of_this_size_heals_one_at_most(
    wanted: int, healed: int
) -> None:
    """None of none, and not the only one; of two and more one, while its group has enough others."""
    with made(DEFAULTS, nodes=max(1, wanted)) as world:
        sick, *others = world.instances()
        if wanted == 0:
            session.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=0)
        world.fall_ill(sick)
        incident_id = live(world, sick)
        assert effects(world) == [("RestartService", sick)] * healed
        over(world, incident_id, "healed" if healed else "escalated")
        assert len(world.pages()) == (0 if healed else 1)
        assert terminations(world) == 0
        assert set(others) <= set(world.instances())


def test_row_11_an_empty_group_is_no_reason_to_act(world: World) -> None:
    """Auto Scaling lists nothing at all: nobody is restarted, terminated or retired; a person is told."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    session.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=GROUP, ForceDelete=True)
    incident_id = live(world, sick)
    assert (effects(world), terminations(world)) == ([], 0)
    over(world, incident_id, "escalated")
    (page,) = world.pages()
    assert f"there is no Auto Scaling group {GROUP}" in page["Message"]
    with pytest.raises(Retryable, match="web-prod is not listed"):
        sweep(world)
    assert (world.handed, world.queued) == ([], [])
    assert {one.state for one in world.nodes.listing()} == {"in_service"}


def test_row_12_a_discovery_that_lost_its_second_page_is_refused_and_paged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One node has left; the page that would say so of the others is lost: none is retired.

    A round that fails gives no heartbeat, and without one the heartbeat's alarm pages.
    """
    with made(nodes=4) as world:
        gone = world.instances()[0]
        session.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=gone, ShouldDecrementDesiredCapacity=True
        )
        world.ssm.offline.add(gone)
        whole, asked = world.ssm.information, []

        def in_pages(request: dict[str, Any]) -> dict[str, Any]:
            asked.append(request.get("NextToken"))
            if asked[-1]:
                raise Rejected("ThrottlingException", "Rate exceeded")
            return {**whole(request), "NextToken": "page-2"}

        with (
            patch.object(world.ssm, "information", in_pages),
            pytest.raises(Retryable, match=r"inventory\.partial: ssm did not list the fleet whole"),
        ):
            sweep(world)
        assert asked == [None, "page-2"]
        assert (world.handed, world.queued) == ([], [])
        assert world.node(gone).state == "in_service"
        assert '"Heartbeat"' not in capsys.readouterr().out
        alarm = stack().of_type("AWS::CloudWatch::Alarm")["HeartbeatAlarm"]
        assert alarm["AlarmActions"] == [stack().ref("PagesTopic")]
        assert sweep(world) == [f"{gone} has left {GROUP} unheard; retire_node is told"]
        follow(world)
        assert world.node(gone).state == "terminated"
        assert '"Heartbeat"' in capsys.readouterr().out
