"""Which nodes run something else than their group, and how that is said."""

from __future__ import annotations

import pytest

from nightshift.decisions.release_drift import drifted, sentence, wanted
from nightshift.fleet import GroupState, Release
from tests.unit.facts import NOW, lease, node

DESIRED = Release(version="1.0.0", key="k", sha256="ab" * 32)
NEWER = DESIRED.model_copy(update={"version": "2.0.0"})


def group(**changes: object) -> GroupState:
    """A group that desires 1.0.0."""
    return GroupState.model_validate({"group": "web-prod", "desired_release": DESIRED, **changes})


def test_a_group_without_a_release_has_no_drift() -> None:
    """Nothing to compare with."""
    empty = GroupState(group="web-prod")
    assert (wanted(empty), drifted(empty, [node()], NOW)) == ("", [])


@pytest.mark.parametrize(
    ("state", "named"),
    [
        (group(), False),
        (group(desired_release=NEWER), True),
        (group(desired_release=NEWER, deploying="dep-2"), False),
        (group(desired_release=NEWER, leases=lease("dep-1", 60)), False),
        (group(desired_release=NEWER, leases=lease("dep-1", 0)), True),
        (group(desired_release=NEWER, group="api-prod"), False),
    ],
    ids=["desired", "another", "deployed to", "leased", "lease ended", "another group"],
)
def test_a_node_that_runs_1_0_0_is_named_when_its_group_was_brought_to_something_else(
    state: GroupState, *, named: bool
) -> None:
    """Unless it, or its whole group, is worked on."""
    assert bool(drifted(state, [node()], NOW)) is named


def test_a_sentence_names_five_nodes_and_counts_the_others() -> None:
    """A fleet of hundreds stays readable."""
    nodes = [node(node_id=f"i-{n}", name=f"web-{n}", release="" if n else "0.9.0") for n in range(7)]
    said = sentence(group(), drifted(group(), nodes, NOW), 9)
    assert said.startswith(
        "7 of 9 nodes of web-prod do not run 1.0.0: web-0 runs 0.9.0, web-1 runs no release, "
    )
    assert said.endswith("web-4 runs no release, and 2 more")
