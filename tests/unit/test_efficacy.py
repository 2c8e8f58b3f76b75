"""A remedy that does not help a symptom in a group is left out for it, where the policy says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift.decisions.admission import admit
from nightshift.decisions.efficacy import counted
from nightshift.decisions.situation import Admission
from nightshift.fleet import Fared, GroupState
from tests.unit.facts import LADDER, at, healing, level, situation, tried

SKIPS = {"skip_hopeless": {"after": 3, "retry_minutes": 60}}


def fared(remedy: str, in_vain: int, seconds_ago: int = 600) -> dict[str, Fared]:
    """So many tries in a row did not help; one before them did."""
    one = Fared(tried=in_vain + 1, helped=1, in_vain=in_vain, last_at=at(-seconds_ago))
    return {Fared.key("service_down", remedy): one}


def asked(known: dict[str, Fared], **changes: Any) -> Admission:
    """What admission says in a group that remembers ``known``."""
    group = GroupState(group="web-prod", app="web", auto_scaling_group="web-prod", fence=6, fared=known)
    return admit(situation(**{"group": group, "healing": healing(**SKIPS), **changes}))


def test_a_hopeless_rung_is_left_out_with_the_evidence() -> None:
    """The next one comes at once, and the reason says why."""
    found = asked(fared("restart_service", 3))
    assert found.rung
    assert (found.rung.level, found.rung.remedy) == (2, "rebuild_container")
    assert "restart_service did not help 3 times in a row" in found.reason
    assert "helped 1 of 4" in found.reason


@pytest.mark.parametrize(
    ("known", "changes"),
    [
        (fared("restart_service", 2), {}),
        (fared("restart_service", 3, 3_600), {}),
        (fared("restart_service", 9), {"healing": healing()}),
        ({"disk_full/restart_service": fared("restart_service", 9)["service_down/restart_service"]}, {}),
    ],
)
def test_it_is_tried_where_it_may_help(known: dict[str, Fared], changes: dict[str, Any]) -> None:
    """Too few tries, long ago, a policy that leaves nothing out (the default), another symptom."""
    found = asked(known, **changes)
    assert found.rung
    assert (found.rung.remedy, "left out" in found.reason) == ("restart_service", False)


def test_where_all_is_hopeless_a_person_is_asked() -> None:
    """Nothing is tried again that is known not to help, and nothing is forgotten in the reason."""
    known = {key: one for remedy in LADDER for key, one in fared(remedy, 3).items()}
    found = asked(known)
    assert (found.answer, found.guard, found.page) == ("refuse", "ladder", True)
    assert all(f"{remedy} did not help" in found.reason for remedy in LADDER)


def test_what_was_tried_in_this_incident_is_not_said_to_be_left_out() -> None:
    """It was tried once more, in vain again."""
    found = asked(
        fared("restart_service", 3),
        incident=situation().incident.model_copy(update={"levels": tried(LADDER[0])}),
    )
    assert found.rung
    assert (found.rung.remedy, "left out" in found.reason) == ("rebuild_container", False)


OUTCOMES = st.lists(st.sampled_from(["healed", "failed", "running", "never"]), max_size=12)


@given(OUTCOMES)
def test_tries_are_counted_as_they_ended(outcomes: list[str]) -> None:
    """What was not judged, or never began on the node, says nothing of the remedy."""
    known: dict[str, Fared] = {}
    for outcome in outcomes:
        one = level(1, "restart_service", "failed" if outcome == "never" else outcome)
        if outcome == "never":
            one = one.model_copy(update={"detail": "Undeliverable: no agent"})
        known = counted(known, (one,), at(0))
    judged = [outcome for outcome in outcomes if outcome in ("healed", "failed")]
    in_vain = len(judged) - 1 - max((n for n, one in enumerate(judged) if one == "healed"), default=-1)
    if not judged:
        assert known == {}
        return
    one = known[Fared.key("service_down", "restart_service")]
    assert (one.tried, one.helped, one.in_vain) == (len(judged), judged.count("healed"), in_vain)
