"""Least privilege, on the running stack: what functions really called, against the roles as deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.e2e.conftest import Stack

pytestmark = pytest.mark.e2e
# The recorder cannot name the resources of these calls, so they are compared by their action alone.
UNNAMED = {
    "appconfig:GetLatestConfiguration",
    "appconfig:StartConfigurationSession",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "cloudwatch:DeleteAlarms",
    "ssm:SendCommand",
}


def calls(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Function, IAM action and resource of every call since the stack is up."""
    for line in (stack.home / "run" / "calls.jsonl").read_text().splitlines():
        call = json.loads(line)
        assert call["iam"], f"the recorder does not know which permission this needs: {call}"
        for action, resource in call["iam"]:
            yield call["app"], action, resource


def grants(stack: Stack, function: str) -> list[tuple[list[str], list[str]]]:
    """The actions and resources of every statement of a function's own policies."""
    iam = stack.client("iam")
    role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"].rsplit("/", 1)[-1]
    statements = [
        statement
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    ]
    return [(_listed(one["Action"]), _listed(one["Resource"])) for one in statements]


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def covers(allowed: str, resource: str) -> bool:
    """Whether a policy's resource is this one; Ref of a secret is its ARN on AWS, its name here."""
    return fnmatchcase(resource, allowed) or fnmatchcase(resource, f"arn:*:secret:{allowed}-??????")


def test_every_call_is_granted_by_the_functions_own_role(stack: Stack) -> None:
    """The embedded cloud enforces no IAM; AWS would, and would have allowed every one of these calls."""
    made = set(calls(stack))
    functions = {function for function, _, _ in made}
    assert {"nightshift-raise_signal", "nightshift-welcome_node", "nightshift-resume_step"} <= functions
    granted = {function: grants(stack, function) for function in functions}
    refused = [
        (function, action, resource)
        for function, action, resource in sorted(made)
        if not any(
            action in actions
            and (action in UNNAMED or any(covers(allowed, resource) for allowed in resources))
            for actions, resources in granted[function]
        )
    ]
    assert refused == []


def test_only_the_function_that_replaces_nodes_may_terminate(stack: Stack) -> None:
    """No other role in the stack holds an action that ends a machine."""
    names = [one["FunctionName"] for one in stack.client("lambda").list_functions()["Functions"]]
    holders = {
        name
        for name in names
        for actions, _ in grants(stack, name)
        if any("Terminate" in action or action.endswith(":*") or action == "*" for action in actions)
    }
    assert holders == {"nightshift-replace_node"}
