"""Every error code has its line in the runbook, and every line a code; every function fails in one way."""

from __future__ import annotations

import re

import pytest

from tests.codes import CODE, walk
from tests.samples import ROOT
from tests.stack import stack, state_machine

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
FOUND = walk()
#: Errors whose code was chosen elsewhere: by whom, whose codes are read there.
PASSED_ON = {
    ("layers/nightshift/nightshift/policy.py", "code"),  # the code that all problems share
    ("functions/plan_deployment/app.py", "plan.code"),  # decisions/rollout.py
    ("functions/plan_deployment/app.py", "chosen.code"),  # decisions/planning.py
}


def rows() -> set[str]:
    """The codes in the first column of the runbook's tables."""
    cells = [line.split("|")[1] for line in RUNBOOK.splitlines() if line.startswith("|")]
    return {code for cell in cells for code in re.findall(r"`([^`]+)`", cell) if CODE.fullmatch(code)}


def test_every_code_has_its_line_in_the_runbook() -> None:
    """Who finds a code in a log or a dead-letter queue finds what to do about it."""
    assert len(FOUND.where) > 100
    assert {code: FOUND.where[code] for code in sorted(set(FOUND.where) - rows())} == {}


def test_every_line_in_the_runbook_is_about_a_code_that_there_is() -> None:
    """A runbook that speaks of what cannot happen is not trusted about what can."""
    assert rows() - set(FOUND.where) == set()


def test_every_code_is_written_where_it_is_raised() -> None:
    """Or was chosen by a decision, whose codes are read there; nothing else is passed on."""
    assert set(FOUND.unread) == PASSED_ON


def test_the_walk_sees_codes_that_no_search_for_raise_sees() -> None:
    """Chosen between two, of a class in a variable, in a decision's answer, by default."""
    assert {"channel.refused", "rollout.no_nodes", "rollback.unsafe", "policy.unknown_remedy"} <= set(
        FOUND.where
    )


@pytest.mark.parametrize("name", sorted(stack().functions))
def test_every_function_is_entered_in_the_same_way(name: str) -> None:
    """``@entry(logger)``: the event's subject in each line, failures by their level and code, no secret."""
    source = (ROOT / "functions" / name / "app.py").read_text()
    assert "@entry(logger)\ndef handler(" in source
    assert "inject_lambda_context" not in source


def listening(machine: str) -> set[str]:
    """The functions that hear of an execution of a machine that failed."""
    arn = stack().ref(machine)
    return {
        rule.function
        for rule in stack().rules()
        if arn in rule.pattern.get("detail", {}).get("stateMachineArn", [])
        and "FAILED" in rule.pattern["detail"]["status"]
    }


@pytest.mark.parametrize("name", sorted(stack().functions))
def test_a_failure_of_a_function_is_heard(name: str) -> None:
    """By its dead-letter queue's alarm, by whoever closes what its machine left, or by who called it.

    A deployment whose machine failed is closed and told by its own notification, so it has no alarm besides.
    """
    alarms = stack().of_type("AWS::CloudWatch::Alarm")
    watched = {one["Value"] for alarm in alarms.values() for one in alarm["Dimensions"]}
    function = stack().functions[name]
    title = function.logical_id.removesuffix("Function")
    closed = {
        state
        for machine, closes in (
            ("heal", "close_incident"),
            ("deploy", "close_deployment"),
            ("run", "close_command"),
        )
        if closes in listening(f"{machine.title()}StateMachine")
        for state in state_machine(machine)["States"]
    }
    letters = (
        function.properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure", {})
    )
    queues = {f"nightshift-{title}DeadLetters", letters.get("Destination", "").rpartition(":")[2]}
    kinds = {event["Type"] for event in function.properties.get("Events", {}).values()}
    called = "HttpApi" in kinds or function.logical_id in stack().template["Outputs"]
    assert queues & watched or title in closed or called
