"""Composite alarms: the triggering node alarm says which node and which symptom, or nobody does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nightshift import policy, remedies
from nightshift.decisions.signals import from_alarm
from nightshift.envelopes import AlarmStateChange, read
from nightshift.errors import Refused
from nightshift.events import SignalCleared, SignalRaised
from tests.samples import NODE, ROOT, sample

POLICY = policy.read((ROOT / "nightshift.yaml").read_text(), remedies.names())
OTHER = "i-0f1e2d3c4b5a69788"


def child(name: str, value: str = "ALARM") -> dict[str, Any]:
    """One entry of triggeringAlarms."""
    arn = f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{name}"
    return {"arn": arn, "state": {"value": value, "timestamp": "2026-11-23T03:00:10.215+0000"}}


def signal(
    *children: dict[str, Any], state: str = "ALARM", raw: str = ""
) -> SignalRaised | SignalCleared | None:
    """What a composite alarm means that these alarms triggered."""
    event = sample("alarm/composite")
    event["detail"]["state"].update(
        value=state, reasonData=raw or json.dumps({"triggeringAlarms": list(children)})
    )
    return from_alarm(read(AlarmStateChange, event), POLICY, "nightshift-node-")


def test_a_composite_that_falls_quiet_clears_what_the_alarm_that_quieted_it_is_about() -> None:
    """OK names the same subject and symptom."""
    cleared = signal(child(f"nightshift-node-service_down-{NODE}", "OK"), state="OK")
    assert isinstance(cleared, SignalCleared)
    assert (cleared.subject, cleared.symptom) == (NODE, "service_down")


def test_two_alarms_of_one_node_are_one_subject() -> None:
    """The first that is a symptom: the other speaks for itself as well."""
    raised = signal(
        child(f"nightshift-node-unheard_of-{NODE}"),
        child(f"nightshift-node-cpu_sustained-{NODE}"),
        child(f"nightshift-node-service_down-{NODE}"),
        child("somebody-elses-alarm"),
    )
    assert isinstance(raised, SignalRaised)
    assert (raised.subject, raised.symptom) == (NODE, "cpu_sustained")


@pytest.mark.parametrize(
    ("children", "said"),
    [
        ([], "names 0 nodes by the 0 of 0"),
        ([child("somebody-elses-alarm")], "names 0 nodes by the 1 of 1"),
        ([child(f"other-node-service_down-{NODE}")], "names 0 nodes by the 1 of 1"),
        ([child("nightshift-node-service_down-web")], "names 0 nodes by the 1 of 1"),
        ([child(f"nightshift-node-service_down-{NODE}", "OK")], "names 0 nodes by the 0 of 1"),
        (
            [child(f"nightshift-node-service_down-{one}") for one in (NODE, OTHER)],
            "names 2 nodes by the 2 of 2 triggering alarms that are ALARM;",
        ),
    ],
)
def test_no_node_or_several_are_refused_with_what_was_counted(
    children: list[dict[str, Any]], said: str
) -> None:
    """Which node to act on would be a guess; a child that went the other way is no evidence."""
    with pytest.raises(Refused) as refused:
        signal(*children)
    assert refused.value.code == "signal.no_subject"
    assert said in refused.value.message


@pytest.mark.parametrize(
    "raw", ["not json", "[]", '{"triggeringAlarms": "none"}', '{"triggeringAlarms": [{}]}']
)
def test_reason_data_of_an_unknown_shape_names_nobody(raw: str) -> None:
    """It is refused, and kept for a person, not half believed."""
    with pytest.raises(Refused) as refused:
        signal(raw=raw)
    assert refused.value.code == "signal.no_subject"


def test_an_alarm_of_a_symptom_that_the_policy_does_not_know_is_refused() -> None:
    """The answer names what triggered it."""
    with pytest.raises(Refused, match="unheard_of") as refused:
        signal(child(f"nightshift-node-unheard_of-{NODE}"))
    assert refused.value.code == "signal.unknown_symptom"
