"""What is told of a deployment: who did what, how long each stage took, what failed and what it printed."""

from __future__ import annotations

from typing import Any

import pytest

from nightshift import deployment_page, stages
from nightshift.deployment import Deployment, Touched
from nightshift.fleet import Release
from nightshift.incident import Approval
from tests.unit.facts import at

NODES = {
    "i-1": Touched(
        step_id="1", state="Succeeded", started_at=at(40), acted_at=at(45), ended_at=at(52), detail="healthy"
    ),
    "i-2": Touched(
        step_id="2",
        state="Failed",
        started_at=at(100),
        acted_at=at(107),
        ended_at=at(107),
        detail="Failed: starting\nTraceback\nImportError: no module named shop",
    ),
}


def deployment(**changes: Any) -> Deployment:
    """One that failed in its second batch, after a person let it pass."""
    facts: dict[str, Any] = {
        "deployment_id": "dep-20261123-0000000001",
        "app": "web",
        "group": "web-prod",
        "commit": "6f1d3c0f0e0b5c0b8a7d6e5f4c3b2a1908f7e6d5",
        "author": "Ada <ada@example.com>",
        "message": "Show the version\n\nand more",
        "state": "Failed",
        "reason": "i-2 failed",
        "release": Release(version="2.0.0", key="k", sha256="ab" * 32),
        "batches": (("i-1",), ("i-2",)),
        "nodes": NODES,
        "approval": Approval(
            remedy="2.0.0",
            requested_at=at(10),
            decided_at=at(30),
            expires_at=at(90),
            version=2,
            decision="approved",
            by="ada",
        ),
        "created_at": at(0),
        "planned_at": at(35),
        "closed_at": at(110),
    }
    return Deployment(**facts | changes)


def test_each_stage_has_its_time() -> None:
    """A person's time is not waiting for gates; a stage that is not over is not told."""
    told = [(one.name, one.seconds) for one in stages.of(deployment())]
    assert told == [
        ("waiting", 15),
        ("a person's word", 20),
        ("batch 1 installed", 5),
        ("batch 1 verified", 7),
        ("batch 1 baked", 48),
        ("batch 2 installed", 7),
        ("batch 2 verified", 0),
        ("batch 2 baked", 3),
    ]
    running = Touched(step_id="2", started_at=at(100))
    unfinished = deployment(nodes={**NODES, "i-2": running}, closed_at=None, state="InProgress")
    assert [one.name for one in stages.of(unfinished)][-1] == "batch 1 baked"
    assert stages.of(deployment(planned_at=None, closed_at=None, approval=None, nodes={})) == ()


def test_a_failure_tells_who_and_what_and_the_end_of_the_output() -> None:
    """The node that failed comes first."""
    page = deployment_page.compose(deployment())
    assert page.title == "[nightshift] web in web-prod needs you"
    assert "Commit: 6f1d3c0f0e0b by Ada <ada@example.com>: Show the version\n" in page.body
    assert "Took: waiting 15 s, a person's word 20 s, batch 1 installed 5 s" in page.body
    assert "ImportError: no module named shop" in page.body
    assert page.body.index("i-2: Failed") < page.body.index("i-1: Succeeded")


def test_a_rollback_tells_what_it_undid() -> None:
    """One notification: the failing release's commit and output, and that the nodes are back."""
    back = deployment(
        deployment_id="dep-20261123-0000000002",
        kind="rollback",
        undoes="dep-20261123-0000000001",
        commit="a" * 40,
        author="Eve",
        state="Succeeded",
        nodes={"i-2": NODES["i-1"]},
        approval=None,
    )
    page = deployment_page.compose(back, deployment())
    assert page.title == "[nightshift] web in web-prod was rolled back"
    assert "6f1d3c0f0e0b by Ada" in page.body
    assert "ImportError" in page.body
    assert page.key == back.deployment_id


@pytest.mark.parametrize(
    ("happened", "changes", "announce", "told"),
    [
        ("DeploymentStarted", {"state": "InProgress"}, (), False),
        ("DeploymentStarted", {"state": "InProgress"}, ("started",), True),
        ("DeploymentStarted", {}, ("started",), False),
        ("DeploymentSucceeded", {"state": "Succeeded"}, (), False),
        ("DeploymentSucceeded", {"state": "Succeeded"}, ("succeeded",), True),
        ("DeploymentSucceeded", {"state": "Succeeded", "undoes": "dep-1"}, (), True),
        ("DeploymentFailed", {}, (), True),
        ("DeploymentFailed", {"undone_by": "dep-2"}, ("started", "succeeded"), False),
        ("DeploymentFailed", {"state": "Stopped"}, ("started", "succeeded"), False),
    ],
)
def test_who_hears_what(happened: str, changes: dict[str, Any], announce: Any, *, told: bool) -> None:
    """Failures always, once; the rest where the app wants it; a start that is over is no news."""
    assert deployment_page.concerns(deployment(**changes), happened, announce) is told


def test_many_nodes_are_counted() -> None:
    """A page has a size."""
    many = {f"i-{number:03}": NODES["i-2"] for number in range(50)}
    body = deployment_page.compose(deployment(nodes=many)).body
    assert "and 40 more" in body
    assert len(body) < 10_000
