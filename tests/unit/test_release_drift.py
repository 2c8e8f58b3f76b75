"""Which nodes run something else than their group, and how that is said."""

from __future__ import annotations

import pytest

from nightshift.decisions.release_drift import drifted, sentence, wanted
from nightshift.incident import Deployed, GroupState, Release
from tests.unit.facts import NODE, NOW, at, lease, node

DESIRED = Release(version="1.0.0", key="k", sha256="ab" * 32)


def group(**changes: object) -> GroupState:
    """A group that desires 1.0.0."""
    return GroupState.model_validate({"group": "web-prod", "desired_release": DESIRED, **changes})


def deployed(**changes: object) -> Deployed:
    """Version 2.0.0, brought to one node, baked long ago."""
    facts = {"deployment_id": "dep-1", "version": "2.0.0", "bake_until": at(-60), "nodes": ("i-1",)}
    return Deployed.model_validate({**facts, **changes})


def test_a_group_without_a_release_has_no_drift() -> None:
    """Nothing to compare with."""
    empty = GroupState(group="web-prod")
    assert (wanted(empty), drifted(empty, [node()], NOW)) == ("", [])


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (group(), False),
        (group(deployed=deployed()), True),
        (group(deployed=deployed(rolled_back=True)), False),
        (group(deployed=deployed(bake_until=at(60))), False),
        (group(deployed=deployed(bake_until=at(60), nodes=(NODE,))), True),
        (group(deployed=deployed(), leases=lease("dep-1", 60)), False),
        (group(deployed=deployed(), leases=lease("dep-1", 0)), True),
        (group(deployed=deployed(), group="api-prod"), False),
    ],
    ids=[
        "desired",
        "deployed",
        "rolled back",
        "not reached",
        "reached",
        "leased",
        "lease ended",
        "another group",
    ],
)
def test_a_node_that_runs_1_0_0_is_named_when_its_group_was_brought_to_something_else(
    state: GroupState, *, named: bool
) -> None:
    """Unless it is worked on, or has not had its turn."""
    assert bool(drifted(state, [node()], NOW)) is named


def test_a_sentence_names_five_nodes_and_counts_the_others() -> None:
    """A fleet of hundreds stays readable."""
    nodes = [node(node_id=f"i-{n}", name=f"web-{n}", release="" if n else "0.9.0") for n in range(7)]
    said = sentence(group(), drifted(group(), nodes, NOW), 9)
    assert said.startswith(
        "7 of 9 nodes of web-prod do not run 1.0.0: web-0 runs 0.9.0, web-1 runs no release, "
    )
    assert said.endswith("web-4 runs no release, and 2 more")
