"""How a deployment ends: what takes it back, how its release fared, and what is suspected from then on."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift.decisions import ending
from nightshift.decisions.ending import Outcome
from nightshift.decisions.rollback import way_back
from nightshift.deployment import Deployment, Touched, undo_of
from nightshift.fleet import Deployed, GroupState
from nightshift.front import Crossing
from tests.unit.facts import NOW, at, lease
from tests.unit.rollouts import GROUP, release

ME = "dep-20261123-0123456789"
OTHER = "dep-20261123-9876543210"
# Which front it is says nothing here: a deployment that has one is taken back by it.
CROSSING = Crossing.model_construct(serving="web-blue")


def touched(state: str = "Succeeded", second: int = 0) -> Touched:
    """A node that was touched then."""
    return Touched.model_validate({"state": state, "step_id": "s", "started_at": at(second)})


def deployment(**changes: Any) -> Deployment:
    """Version 2 on n1 and n2, which run it, in two batches; n3 and n4 were not reached."""
    facts = {
        "deployment_id": ME,
        "app": "web",
        "group": GROUP,
        "release": release("2").artifact,
        "batches": (("n1",), ("n2", "n3", "n4")),
        "nodes": {"n1": touched(), "n2": touched(second=5)},
        "desired": 4,
        "fence": 7,
        "created_at": at(-60),
    }
    crossing = changes.pop("crossing", None)
    made = Deployment.model_validate(facts | changes)
    return made.model_copy(update={"crossing": crossing}) if crossing else made


@pytest.mark.parametrize(
    ("found", "undone"),
    [
        (deployment(), True),
        (deployment(kind="manual"), True),
        (deployment(kind="rollback"), False),
        (deployment(kind="converge"), False),
        (deployment(nodes={}), False),
        (deployment(crossing=CROSSING), False),
    ],
    ids=["push", "manual", "rollback", "converge", "untouched", "blue-green"],
)
def test_only_what_brought_something_new_to_a_node_is_undone(found: Deployment, *, undone: bool) -> None:
    """What goes back is not taken back itself, and a front is its own way back."""
    assert ending.can_be_undone(found) is undone


def test_a_rollback_goes_over_the_touched_nodes_newest_first_in_its_largest_batches() -> None:
    """Whoever begins it that day begins the same one, with what was known at the plan."""
    failing = deployment(troubled_before=("n9",), nodes={f"n{n}": touched(second=n) for n in (1, 2, 3, 4)})
    given = ending.undoing(failing, [release("1", "good"), release("2", "live", 5)])
    undo = ending.undo(failing, way_back(**vars(given)), "too many failed", NOW)
    assert undo is not None
    assert (undo.deployment_id, undo.undoes, undo.kind) == (undo_of(ME, NOW), ME, "rollback")
    assert undo.batches == (("n4", "n3", "n2"), ("n1",))
    assert undo.release == release("1").artifact
    assert (undo.fence, undo.desired, undo.troubled_before) == (7, 4, ("n9",))
    assert undo.reason == f"undoes {ME}: too many failed"


def test_a_way_that_leads_nowhere_begins_nothing() -> None:
    """A person must find one."""
    failing = deployment()
    way = way_back(**vars(ending.undoing(failing, [])))
    assert (way.page, ending.undo(failing, way, "it failed", NOW)) == (True, None)


def test_a_rollback_inherits_the_leases_of_what_it_undoes_and_no_others() -> None:
    """Nobody comes between; without a rollback all are given back."""
    mine, theirs = lease(ME, 60), lease("inc-1", 60)
    held = {"n1": next(iter(mine.values())), "n2": next(iter(theirs.values()))}
    group = GroupState(group=GROUP, leases=held)
    heirs = ending.heirs(group, ME, OTHER)
    assert {node: one.incident_id for node, one in heirs.items()} == {"n1": OTHER}
    assert heirs["n1"].fence == held["n1"].fence
    assert ending.heirs(group, ME, "") == {}


@pytest.mark.parametrize(
    ("kind", "outcome", "desires", "suspects"),
    [
        ("push", "Succeeded", True, True),
        ("manual", "Succeeded", True, True),
        ("rollback", "Succeeded", True, False),
        ("converge", "Succeeded", False, False),
        ("push", "Failed", False, False),
        ("push", "Stopped", False, False),
    ],
)
def test_a_group_desires_what_succeeded_and_suspects_what_is_new(
    kind: str, outcome: Outcome, *, desires: bool, suspects: bool
) -> None:
    """What one node was brought to is the group's already; what was good before is not suspected."""
    found = deployment(kind=kind)
    assert (ending.desired(found, outcome) is not None) is desires
    assert (ending.suspected(found, outcome, 60, NOW) is not None) is suspects


def test_nodes_that_do_not_run_it_say_nothing_of_a_suspect() -> None:
    """Only those on which it succeeded, and only for a while; a front takes back what is blue-green."""
    found = deployment(nodes={"n2": touched(), "n1": touched(), "n3": touched("Failed")})
    suspect = ending.suspected(found, "Succeeded", 90, NOW)
    assert suspect == Deployed(deployment_id=ME, version="2", suspected_until=at(90), nodes=("n1", "n2"))
    assert ending.suspected(deployment(crossing=CROSSING), "Succeeded", 90, NOW) is None


@pytest.mark.parametrize(
    ("changes", "outcome", "state"),
    [
        ({}, "Succeeded", "good"),
        ({}, "Failed", "failed"),
        ({}, "Stopped", None),
        ({"nodes": {}}, "Failed", None),
        ({"kind": "converge"}, "Succeeded", None),
        ({"kind": "rollback"}, "Succeeded", "good"),
        ({"kind": "rollback"}, "Failed", None),
    ],
)
def test_a_release_is_known_by_how_it_fared_on_nodes(
    changes: dict[str, Any], outcome: Outcome, state: str | None
) -> None:
    """A stop says nothing of it, nor does one node, nor a rollback that could not bring it back."""
    standing = ending.standing(deployment(**changes), outcome, NOW)
    assert (standing.state if standing else None) == state


def test_a_rollback_condemns_what_its_group_suspects_because_of_it() -> None:
    """Another deployment's suspect stays one."""
    suspect = Deployed(deployment_id=OTHER, version="1", suspected_until=at(60), rolled_back_by=ME)
    assert ending.guilty(deployment(), GroupState(group=GROUP, deployed=suspect)) == suspect
    theirs = suspect.model_copy(update={"rolled_back_by": "dep-other"})
    assert ending.guilty(deployment(), GroupState(group=GROUP, deployed=theirs)) is None
    assert ending.guilty(deployment(), None) is None
