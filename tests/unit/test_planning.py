"""Before a deployment is planned: its turn, its release, and what its gates are asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nightshift import clock
from nightshift.decisions import planning
from nightshift.decisions.planning import Case, Planned
from nightshift.decisions.rollout import Plan
from nightshift.deployment import Deployment
from nightshift.fleet import Deployed, GroupState
from nightshift.incident import Approval
from nightshift.policy_apps import App, Gate
from tests.unit.facts import NOW, at, policy
from tests.unit.rollouts import GROUP, release, strategy

ME = "dep-20261123-0123456789"
OTHER = "dep-20261123-9876543210"
APP = App(
    repository="https://example.com/acme/web",
    groups=(GROUP,),
    strategy=strategy(deadline_seconds=600),
    gates=(Gate(name="ci"),),
    gates_seconds=300,
    approval_seconds=400,
)


def group(name: str = GROUP, runs: str = "", **more: Any) -> GroupState:
    """A group that runs a version."""
    desired = release(runs).artifact if runs else None
    return GroupState(group=name, desired_release=desired, **more)


def case(own: GroupState | None = None, beside: GroupState | None = None, **changes: Any) -> Case:
    """A push of a minute ago to ``GROUP``, and whoever has the requests beside it."""
    facts = {"deployment_id": ME, "app": "web", "group": GROUP, "created_at": at(-60)}
    deployment = Deployment.model_validate(facts | changes)
    return Case(deployment, APP, own or group(), beside, policy(), "policy-1", NOW)


@pytest.mark.parametrize(
    ("found", "answer", "why"),
    [
        (case(), "go", "nobody else"),
        (case(group(deploying=ME)), "go", "nobody else"),
        (case(group(deploying=OTHER)), "wait", f"{OTHER} is being deployed to {GROUP}"),
        (case(beside=group("web-blue", deploying=OTHER)), "wait", f"{OTHER} is being deployed to web-blue"),
        (case(group(deploying=OTHER), created_at=at(-600)), "late", "its turn did not come within 600 s"),
        (case(stop_requested="ada: no", created_at=at(-600)), "stop", "stopped by ada: no"),
    ],
    ids=["free", "its own", "somebody else's", "beside it", "too late", "stopped"],
)
def test_a_deployment_waits_while_one_of_its_groups_is_somebody_elses(
    found: Case, answer: str, why: str
) -> None:
    """Until its deadline, and no longer than a person wants."""
    passage = planning.turn(found)
    assert passage.answer == answer
    assert why in passage.reason


def test_a_version_that_was_never_built_is_refused() -> None:
    """A person named it."""
    assert planning.named("1.0.0", None).code == "deployment.unknown_release"
    assert planning.named("1.0.0", release("1.0.0")).release == release("1.0.0")


def test_a_head_that_gets_the_requests_already_is_not_deployed_again() -> None:
    """In a blue-green app it is the other group that has them."""
    built = release("2")
    assert planning.head(case(group(runs="1")), built).release == built
    chosen = planning.head(case(group(runs="2"), ref="refs/tags/v2"), built)
    assert (chosen.release, chosen.code) == (None, "")
    assert chosen.reason == f"{GROUP} runs 2 already, which is refs/tags/v2 now"
    assert planning.head(case(group(runs="2"), group("web-blue", "1")), built).release == built
    assert planning.head(case(group(runs="1"), group("web-blue", "2")), built).release is None


def test_a_push_of_what_failed_before_is_refused_and_a_persons_order_is_not() -> None:
    """A person may know that it was not the release."""
    failed = release("2", "failed")
    assert planning.head(case(), failed).code == "deployment.failed_before"
    assert planning.head(case(kind="manual"), failed).release == failed


def test_a_rollback_goes_to_the_last_good_release_unless_it_was_taken_back_already() -> None:
    """What it undoes is its group's suspect as long as nobody else has taken it back."""
    known = [release("1", "good"), release("2", "live", 5)]
    suspect = Deployed(deployment_id=OTHER, version="2", suspected_until=at(60), rolled_back_by=ME)
    delegated: dict[str, Any] = {"kind": "rollback", "undoes": OTHER}
    chosen = planning.back(case(group(runs="2", deployed=suspect), **delegated), known)
    assert chosen.release == known[0]
    assert planning.back(case(group(runs="2"), kind="rollback"), known).release == known[0]
    theirs = suspect.model_copy(update={"rolled_back_by": "dep-other"})
    for state in (group(runs="2"), group(runs="2", deployed=theirs)):
        chosen = planning.back(case(state, **delegated), known)
        assert (chosen.release, chosen.code) == (None, "")
        assert chosen.reason == f"{OTHER} was taken back already"
    assert planning.back(case(group(runs="1"), kind="rollback"), known[:1]).code == "rollback.none"


def test_what_proved_itself_in_the_group_is_not_asked_again() -> None:
    """Nor is a rollback, which must never wait for a check."""
    assert planning.gates_of(case(), release("2")) == APP.gates
    assert planning.gates_of(case(), release("2", "failed")) == APP.gates
    assert planning.gates_of(case(), release("2", "good")) == ()
    assert planning.gates_of(case(kind="rollback"), release("2")) == ()


@pytest.mark.parametrize(("began", "until"), [(-60, 400), (-300, 300)])
def test_a_person_has_until_the_deployments_own_deadline_at_most(began: int, until: int) -> None:
    """An answer that comes after it would allow nothing; gates count from the push on."""
    asked = Approval(remedy="2", requested_at=at(-1), expires_at=at(9), version=1)
    given = planning.asked(case(created_at=at(began), approval=asked), release("2"), ())
    assert (given.consent.asked, given.consent.release) == (asked, "2")
    assert given.consent.until == NOW + timedelta(seconds=until)
    assert given.deadline == NOW + timedelta(seconds=began + 300)
    assert given.wanted == APP.gates


def test_a_plan_remembers_who_was_ill_before_it() -> None:
    """What the journal says of it agrees with what the deployment is from then on."""
    ill = case(group(troubled={"i-2": "inc-2", "i-1": "inc-1"}))
    planned = Planned(release("2"), None, Plan((("i-1",), ("i-2", "i-3")), "cut"), 3)
    changes, told = planned.changes(ill), planned.told(ill.deployment, "ci passed")
    assert changes["troubled_before"] == ("i-1", "i-2")
    assert changes["planned_at"] == clock.iso(NOW)
    assert (told["version"], told["previous"], told["serving"]) == ("2", "", "")
    assert told["batches"] == [["i-1"], ["i-2", "i-3"]]
    assert told["gates"] == "ci passed"
