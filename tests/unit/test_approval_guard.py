"""The approval guard: what a person's word is asked for, and how long it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nightshift.decisions.admission import admit
from nightshift.decisions.escalation import Rung
from nightshift.decisions.situation import Situation
from nightshift.incident import Approval
from tests.unit.facts import NOW, at, healing, incident, situation


def _careful(*, due: int = 60, **answer: object) -> Situation:
    """A restart that needs a person's word, asked a minute ago for two minutes."""
    question = {
        "remedy": "restart_service",
        "level": 1,
        "requested_at": at(-60),
        "expires_at": at(due),
        "version": 4,
    }
    approval = Approval.model_validate({**question, **answer}) if answer else None
    return situation(
        incident=incident(approval=approval),
        healing=healing(approval_for=("low",), approval_seconds=120),
        risks={"restart_service": "low"},
    )


def test_a_risky_remedy_waits_for_a_person_until_a_fixed_time() -> None:
    """The answer names rung and symptom, which the question needs."""
    answer = admit(_careful())
    assert (answer.answer, answer.guard, answer.symptom) == ("wait", "approval", "service_down")
    assert answer.rung == Rung(1, "restart_service")
    assert answer.until == NOW + timedelta(seconds=120)


def test_a_question_does_not_outlast_its_incident() -> None:
    """The deadline is the incident's, whoever thinks."""
    late = replace(
        _careful(), healing=healing(approval_for=("low",), approval_seconds=9_000, deadline_seconds=100)
    )
    assert admit(late).until == NOW + timedelta(seconds=41)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"decision": ""}, ("wait", False, False)),
        ({"decision": "approved", "by": "ada"}, ("allow", False, False)),
        ({"decision": "denied", "by": "ada"}, ("refuse", False, True)),
        ({"decision": "", "due": 0}, ("refuse", True, False)),
        ({"decision": "approved", "due": 0}, ("refuse", True, False)),
        ({"decision": "approved", "remedy": "replace_node"}, ("wait", False, False)),
    ],
)
def test_an_answer_counts_for_its_remedy_and_its_time(
    answer: dict[str, Any], expected: tuple[str, bool, bool]
) -> None:
    """Approved passes, denied ends without a page, unanswered and too late end with one."""
    said = admit(_careful(**answer))
    assert (said.answer, said.page, said.known) == expected


def test_a_remedy_of_unstated_risk_counts_as_the_highest() -> None:
    """Forgetting a risk does not skip the question."""
    assert admit(replace(_careful(), healing=healing(approval_for=("high",)), risks={})).guard == "approval"


def test_a_remedy_of_another_risk_needs_nobody() -> None:
    """Only the named risks wait."""
    assert admit(replace(_careful(), healing=healing(approval_for=("high",)))).answer == "allow"
