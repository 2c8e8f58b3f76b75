"""Adding a source of the policy is adding one file: what else it needs, these tests ask for."""

from __future__ import annotations

import pytest

from nightshift import sources
from tests.stack import stack

NAMES = sources.names()
#: What adopt_policy does besides reading sources.
OWN = {"autoscaling:DescribeAutoScalingGroups", "dynamodb:GetItem", "dynamodb:PutItem", "events:PutEvents"}


@pytest.mark.parametrize("name", NAMES)
def test_a_source_is_a_runbook_and_a_reader(name: str) -> None:
    """Its docstring says where an operator writes it."""
    found = sources.load(name)
    assert found.__doc__
    assert callable(found.read)


def test_no_two_sources_have_the_same_priority() -> None:
    """Or nobody could say which of them has the last word."""
    assert len({sources.load(name).PRIORITY for name in NAMES}) == len(NAMES)


def test_what_sources_need_is_what_adopt_policy_may() -> None:
    """Declared in the files, granted in the template: neither too little nor too much."""
    needed = {action for name in NAMES for action in sources.load(name).PERMISSIONS}
    assert needed | OWN == {action for action, _ in stack().functions["adopt_policy"].grants()}


def test_only_adopt_policy_knows_where_the_sources_are() -> None:
    """Everything else reads the adopted policy: no function sees a source, or may write the pointer."""
    told = {
        name for name, function in stack().functions.items() if "POLICY_PARAMETER" in function.environment
    }
    table = stack().arn("PoliciesTable")
    able = {name for name, function in stack().functions.items() if function.may("dynamodb:PutItem", table)}
    assert told == able == {"adopt_policy"}


def test_a_changed_policy_holds_within_five_minutes() -> None:
    """The schedule's default, which README and docs promise; a look takes at most the function's timeout."""
    assert stack().ref("PolicySchedule") == "rate(5 minutes)"
    (event,) = stack().functions["adopt_policy"].properties["Events"].values()
    assert event["Properties"]["Schedule"] == "rate(5 minutes)"
