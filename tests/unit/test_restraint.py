"""What holds healing back: amounts, blast radius, storms, flapping, and limits over a whole group."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.amounts import at_least, at_most
from nightshift.decisions.admission import admit
from nightshift.decisions.escalation import Rung
from nightshift.fleet import Attempt, Deployed, GroupState, Lease, Reach, Storm
from nightshift.policy import Policy
from nightshift.policy_checks import objections
from tests.unit.facts import (
    LADDER,
    NODE,
    at,
    capacity,
    healing,
    incident,
    level,
    node,
    policy,
    pushed,
    samples,
    situation,
    symptom,
    tried,
)

OPENED = incident(opened_at=at(-59))


def group(**changes: object) -> GroupState:
    """The node's group, with this incident on its roll."""
    facts = {"group": "web-prod", "app": "web", "fence": 6, "troubled": {NODE: OPENED.incident_id}}
    return GroupState.model_validate({**facts, **changes})


def ill(count: int) -> dict[str, str]:
    """So many subjects with an incident, this one among them."""
    return {NODE: OPENED.incident_id, **{f"i-other{n}": f"inc-{n}" for n in range(1, count)}}


def leases(count: int, expires: float = 60) -> dict[str, Lease]:
    """So many other nodes in repair."""
    return {
        f"i-other{n}": Lease(incident_id=f"inc-{n}", fence=n, expires_at=at(expires))
        for n in range(1, count + 1)
    }


# amounts


@pytest.mark.parametrize(("desired", "most"), [(0, 0), (1, 0), (2, 0), (6, 2), (25, 10), (40, 16)])
def test_a_maximum_in_percent_rounds_down(desired: int, most: int) -> None:
    """40 % of 25 nodes allows 10; of 6 it allows 2; of none it allows none."""
    assert at_most("40%", desired) == most


@pytest.mark.parametrize(("desired", "least"), [(0, 0), (1, 1), (2, 1), (6, 3), (25, 13)])
def test_a_minimum_in_percent_rounds_up(desired: int, least: int) -> None:
    """Half of 25 nodes means 13."""
    assert at_least("50%", desired) == least


@given(st.integers(0, 100), st.integers(0, 10_000))
def test_a_maximum_and_the_rest_as_a_minimum_are_the_whole(percent: int, desired: int) -> None:
    """No node is counted twice or forgotten by rounding."""
    assert at_most(f"{percent}%", desired) + at_least(f"{100 - percent}%", desired) == desired


# blast radius


def test_no_more_nodes_are_in_repair_than_the_policy_says() -> None:
    """Another node's unexpired lease holds this one back, with the numbers."""
    answer = admit(situation(group=group(leases=leases(1), troubled=ill(1))))
    assert (answer.answer, answer.guard) == ("wait", "blast_radius")
    assert answer.reason == "1 of 4 nodes are in repair; at most 1 may be"


def test_an_expired_lease_does_not_count() -> None:
    """Who died with a lease does not stop healing for ever."""
    assert admit(situation(group=group(leases=leases(3, expires=-1)))).answer == "allow"


def test_enough_other_nodes_must_be_healthy() -> None:
    """Healthy are nodes InService other than the subject that have no incident and are not in repair."""
    limits = healing(min_healthy=3, storm={"max_unhealthy": 4})
    answer = admit(situation(group=group(troubled=ill(2)), healing=limits))
    assert (answer.answer, answer.guard) == ("wait", "blast_radius")
    assert answer.reason == "2 other nodes of 4 are healthy; at least 3 must be"


@pytest.mark.parametrize("desired", [0, 1])
def test_a_group_that_the_policy_never_lets_heal_is_told_to_a_person(desired: int) -> None:
    """Half of one node must be healthy besides the only one: that never comes true."""
    answer = admit(situation(group=group(), capacity=capacity(desired)))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "blast_radius", True)
    assert "never lets web-prod heal" in answer.reason


def test_a_single_node_may_heal_when_the_policy_says_so() -> None:
    """min_healthy 0 is how the owner of one node says it."""
    answer = admit(situation(group=group(), capacity=capacity(1), healing=healing(min_healthy=0)))
    assert answer.answer == "allow"


# storms


def test_a_fresh_incident_waits_for_others() -> None:
    """The gather window, counted from the incident's opening."""
    fresh = incident(opened_at=at(-4))
    answer = admit(situation(incident=fresh, group=group(), healing=healing(storm={"gather_seconds": 10})))
    assert (answer.answer, answer.guard, answer.until) == (
        "wait",
        "gather",
        situation().now.replace(second=6),
    )


def test_many_ill_nodes_are_a_storm() -> None:
    """Three of four: healing is held, the storm begins."""
    answer = admit(situation(group=group(troubled=ill(3))))
    assert (answer.answer, answer.guard, answer.storm) == ("wait", "storm", "began")
    assert answer.reason == "storm: 3 of 4 nodes of web-prod are unhealthy; a storm is more than 2"


def test_one_ill_node_is_never_a_storm() -> None:
    """However small the group."""
    limits = healing(min_healthy=0)
    assert admit(situation(group=group(), capacity=capacity(1), healing=limits)).answer == "allow"


@pytest.mark.parametrize(
    ("count", "calm_since", "change"),
    [(3, None, ""), (3, -10, "again"), (1, None, "calm"), (1, -299, ""), (1, -300, "over")],
)
def test_a_storm_ends_after_its_cooldown(count: int, calm_since: int | None, change: str) -> None:
    """It rages, falls calm, may rage again, and is over when it was calm for the cool-down."""
    storm = Storm(incident_id="inc-storm", began_at=at(-600), calm_since=calm_since and at(calm_since))
    answer = admit(situation(group=group(troubled=ill(count), storm=storm)))
    assert (answer.answer, answer.guard, answer.storm) == ("wait", "storm", change)


def test_the_storms_own_incident_is_for_a_person() -> None:
    """Nothing is applied to a group as a whole."""
    own = incident(symptom="storm", reason="3 of 4")
    answer = admit(situation(incident=own, node=None, group=None, samples={}, symptoms={}))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "storm_itself", True)


# again and again


def test_a_symptom_that_comes_back_after_its_heal_is_paged() -> None:
    """Flapping: at most one heal, then a person."""
    answer = admit(situation(group=group(), node=node(healed={"service_down": (at(-900),)})))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "flapping", True)
    assert "the limit is 1" in answer.reason


def test_a_person_is_told_of_flapping_once_in_a_window() -> None:
    """What flaps all night is one page; the incident is still left to the person."""
    flapping = {"healed": {"service_down": (at(-900),)}}
    told = admit(situation(group=group(), node=node(**flapping, flapped={"service_down": at(-600)})))
    assert (told.answer, told.guard, told.page, told.known) == ("refuse", "flapping", False, True)
    assert f"a person was told at {at(-600)}" in told.reason
    again = admit(situation(group=group(), node=node(**flapping, flapped={"service_down": at(-1_801)})))
    assert again.page


def test_a_heal_long_ago_is_no_flapping() -> None:
    """The window has passed."""
    assert (
        admit(situation(group=group(), node=node(healed={"service_down": (at(-1_801),)}))).answer == "allow"
    )


def often(remedy: str, count: int, seconds_ago: int = 600) -> dict[str, Attempt]:
    """The same remedy on many nodes of the group."""
    return {
        f"step-{n}": Attempt(
            at=at(-seconds_ago), remedy=remedy, symptom="service_down", incident_id=f"inc-{n}"
        )
        for n in range(count)
    }


def test_the_same_symptom_all_over_a_group_is_paged() -> None:
    """Ten restarts within the hour have a common cause."""
    answer = admit(situation(group=group(attempts=often("restart_service", 10))))
    assert (answer.answer, answer.guard) == ("refuse", "group_attempts")
    assert admit(situation(group=group(attempts=often("restart_service", 10, 4_000)))).answer == "allow"


def test_a_bad_image_is_not_replaced_for_ever() -> None:
    """max_replacements counts over the whole group."""
    up_to_three = incident(levels=tried("restart_service", "rebuild_container"))
    answer = admit(situation(incident=up_to_three, group=group(attempts=often("replace_node", 3))))
    assert (answer.answer, answer.guard) == ("refuse", "max_replacements")
    assert answer.reason.startswith("3 nodes of web-prod replaced within 3600 s; the limit is 3")


# the policy


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"max_in_repair": 0}, "would never heal: max_in_repair is 0"),
        ({"max_in_repair": "0%"}, "would never heal: max_in_repair is 0%"),
        ({"min_healthy": "100%"}, "would never heal: min_healthy is 100%"),
        ({"max_in_repair": "100%", "min_healthy": 0}, "could lose every node at once"),
    ],
)
def test_a_policy_that_never_heals_or_lets_everything_die_is_refused(
    limits: dict[str, object], why: str
) -> None:
    """Whatever the size of the group."""
    found = [one.reason for one in objections(policy(healing=healing(**limits)), frozenset(LADDER))]
    assert any(why in reason for reason in found), found


def test_a_group_may_have_limits_of_its_own() -> None:
    """They replace the policy's one by one."""
    plain = policy().model_dump(mode="json")
    plain["groups"]["web-prod"]["healing"] = {"min_healthy": 0}
    own = Policy.model_validate(plain)
    assert (own.healing_of("web-prod").min_healthy, own.healing.min_healthy) == (0, "50%")
    plain["groups"]["web-prod"]["healing"] = {"min_helthy": 0}
    (found, *_) = objections(Policy.model_validate(plain), frozenset(LADDER))
    assert found.place == ("groups", "web-prod", "healing", "min_helthy")


# reachability


def test_a_dead_agent_alone_never_replaces_a_node() -> None:
    """The app is ill by what the node pushed, its agent is gone, its host is well: a person decides."""
    unheard = tuple(
        level(number, remedy, detail="Undeliverable")
        for number, remedy in enumerate(("restart_service", "rebuild_container"), start=1)
    )
    known = incident(levels=unheard)
    alone = Reach(agent="no", host="yes", reason="agent ConnectionLost; host checks: ok, ok")
    answer = admit(situation(incident=known, group=group(), reach=alone))
    assert (answer.answer, answer.guard, answer.page) == ("refuse", "reachability", True)
    assert "ConnectionLost" in answer.reason
    impaired = Reach(agent="no", host="no")
    assert admit(situation(incident=known, group=group(), reach=impaired)).rung == Rung(3, "replace_node")


def test_a_machine_that_is_dead_is_replaced_without_trying_what_cannot_run() -> None:
    """No sample, no agent, and EC2's own checks fail: silence is illness."""
    dead = Reach(agent="no", host="no")
    answer = admit(situation(group=group(), samples={}, reach=dead))
    assert (answer.answer, answer.rung) == ("allow", Rung(3, "replace_node"))


def test_what_a_node_pushes_is_never_the_sole_ground_to_replace_it() -> None:
    """Milder remedies ran in vain by its own word; one look of somebody else, or its host, is missing."""
    known = incident(levels=tried("restart_service", "rebuild_container"))
    own = pushed(0)
    answer = admit(situation(incident=known, group=group(), samples={"service_down": own}))
    assert (answer.answer, answer.guard) == ("wait", "hearsay")
    for samples_, reach in (
        ((*own[:-40], *samples(0, -40, -40), *own[-39:]), Reach(agent="yes", host="yes")),
        (own, Reach(agent="no", host="no")),
    ):
        facts = situation(incident=known, group=group(), samples={"service_down": samples_}, reach=reach)
        assert admit(facts).rung == Rung(3, "replace_node")
    well = (*samples(1, -40, -40), *own[-39:])
    assert admit(situation(incident=known, group=group(), samples={"service_down": well})).guard == "hearsay"


def test_milder_remedies_need_no_second_witness() -> None:
    """A restart on a node's own word costs a restart."""
    answer = admit(situation(group=group(), samples={"service_down": pushed(0)}))
    assert answer.rung == Rung(1, "restart_service")


@pytest.mark.parametrize("reach", [Reach(agent="no", host="yes"), Reach(agent="yes", host="no"), Reach()])
def test_silence_alone_is_not_illness(reach: Reach) -> None:
    """Any one answer that is missing or good, and nothing is done."""
    answer = admit(situation(group=group(), samples={}, reach=reach))
    assert (answer.answer, answer.guard) == ("wait", "evidence")


# a fresh release

FRESH = Deployed(deployment_id="dep-7", version="2.0.0", suspected_until=at(60), nodes=(NODE, "i-other1"))
BOTH = {NODE: "inc-1", "i-other1": "inc-2"}


def test_a_release_that_was_just_deployed_is_rolled_back_instead_of_healed() -> None:
    """Its nodes are ill, the others are not, and it came a moment ago."""
    answer = admit(situation(group=group(deployed=FRESH, troubled=BOTH)))
    assert (answer.answer, answer.guard) == ("delegate", "fresh_release")
    assert "2 of 2 nodes with 2.0.0 are ill, 0 of 2 without it" in answer.reason
    assert answer.delegate_to.startswith("dep-20261123-")
    assert answer.until is not None


def test_one_ill_node_is_healed_whatever_was_deployed() -> None:
    """A machine may break at any time; a release that is bad breaks more than one."""
    assert admit(situation(group=group(deployed=FRESH))).answer == "allow"


def test_a_release_that_makes_every_node_ill_is_no_storm() -> None:
    """Holding all healing would leave it in place; a spike of all of them changes nothing."""
    everyone = {node: f"inc-{node}" for node in capacity().in_service}
    ill = group(deployed=FRESH.model_copy(update={"nodes": tuple(everyone)}), troubled=everyone)
    assert admit(situation(group=ill)).guard == "fresh_release"
    spike = samples(1, -150, -3) + samples(0, -2, -1)
    assert admit(situation(group=ill, samples={"service_down": spike})).guard == "storm"


def test_whoever_asks_while_a_release_is_taken_back_waits_for_it() -> None:
    """One rollback for all of its nodes, even alone and long after."""
    undone = FRESH.model_copy(update={"rolled_back_by": "dep-8", "suspected_until": at(-60)})
    answer = admit(situation(group=group(deployed=undone)))
    assert (answer.answer, answer.delegate_to) == ("delegate", "dep-8")
    well = situation(
        group=group(), incident=incident(wait="fresh_release"), samples={"service_down": samples(1)}
    )
    assert "when its release was rolled back" in admit(well).reason


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"suspected_until": at(0)}, "it is suspected no more"),
        ({"rolled_back_by": "", "nodes": ()}, "it runs nowhere"),
        ({"nodes": ("i-other1", "i-other2")}, "the node does not run it"),
        ({}, "the untouched nodes are as ill"),
    ],
)
def test_a_release_is_not_blamed_without_ground(changed: dict[str, object], why: str) -> None:
    """Each condition is needed."""
    deployed = FRESH.model_copy(update=changed)
    roll = BOTH | {"i-other2": "inc-3", "i-other3": "inc-4"} if "untouched" in why else BOTH
    calm = healing(storm={"max_unhealthy": "100%"})
    answer = admit(situation(group=group(deployed=deployed, troubled=roll), healing=calm))
    assert answer.answer != "delegate", why


def test_a_symptom_that_no_release_causes_is_healed() -> None:
    """A full disk stays a full disk."""
    other = {"service_down": symptom(by_release=False)}
    assert admit(situation(group=group(deployed=FRESH, troubled=BOTH), symptoms=other)).answer == "allow"
