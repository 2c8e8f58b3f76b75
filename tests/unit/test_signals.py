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


def signal(event: dict[str, Any]) -> SignalRaised | SignalCleared | None:
    """What an alarm event means under the annotated policy."""
    return from_alarm(read(AlarmStateChange, event), POLICY, "nightshift-node-")


@pytest.mark.parametrize(
    ("name", "symptom", "held_since"),
    [
        ("alarm/service_down", "service_down", "2026-11-23T02:59:00.000Z"),
        ("alarm/cpu_sustained", "cpu_sustained", "2026-11-23T02:55:00.000Z"),
        ("alarm/disk_full", "disk_full", "2026-11-23T02:59:00.000Z"),
        ("alarm/metric_math", "cpu_sustained", "2026-11-23T02:55:00.000Z"),
        ("alarm/contributor", "cpu_sustained", "2026-11-23T03:00:20.919Z"),
        ("alarm/composite", "service_down", "2026-11-23T03:00:10.215Z"),
    ],
)
def test_each_kind_of_alarm_becomes_a_signal_about_its_node(name: str, symptom: str, held_since: str) -> None:
    """Plain, metric-math, contributor, composite; held since the alarm saw it first, where it says so."""
    raised = signal(sample(name))
    assert isinstance(raised, SignalRaised)
    assert (raised.subject, raised.symptom, raised.held_since) == (NODE, symptom, held_since)
    assert raised.alarm == sample(name)["detail"]["alarmName"]
    assert raised.held_since <= raised.occurred_at


def test_an_alarm_that_falls_quiet_clears_its_signal() -> None:
    """OK names the same subject and symptom as the alarm did."""
    cleared = signal(sample("alarm/service_up"))
    assert isinstance(cleared, SignalCleared)
    assert (cleared.subject, cleared.symptom) == (NODE, "service_down")
    assert cleared.occurred_at == "2026-11-23T03:05:10.201Z"


def test_insufficient_data_says_nothing() -> None:
    """A metric that stopped is neither illness nor health."""
    assert signal(sample("alarm/insufficient_data")) is None


def test_the_same_event_always_makes_the_same_signal() -> None:
    """EventBridge delivers at least once: a second delivery is recognised by what it says."""
    assert signal(sample("alarm/service_down")) == signal(sample("alarm/service_down"))


@pytest.mark.parametrize(
    "reason_data",
    [None, "", "not json", "[]", "{}", '{"startDate": null}', '{"startDate": 1}'],
)
def test_without_a_start_the_symptom_is_held_since_the_alarm(reason_data: str | None) -> None:
    """The later instant is the careful one."""
    event = sample("alarm/service_down")
    event["detail"]["state"]["reasonData"] = reason_data
    raised = signal(event)
    assert isinstance(raised, SignalRaised)
    assert raised.held_since == raised.occurred_at == "2026-11-23T03:00:10.215Z"


def test_a_start_after_the_alarm_is_not_believed() -> None:
    """Nothing is held since the future."""
    event = sample("alarm/service_down")
    event["detail"]["state"]["reasonData"] = json.dumps({"startDate": "2026-11-23T04:00:00.000+0000"})
    raised = signal(event)
    assert isinstance(raised, SignalRaised)
    assert raised.held_since == raised.occurred_at


@pytest.mark.parametrize(
    "expression",
    [
        'SELECT AVG(CPUUtilization) FROM SCHEMA("AWS/EC2", InstanceId) GROUP BY InstanceId',
        'SELECT MAX("CPUUtilization") FROM "AWS/EC2" GROUP BY InstanceId ORDER BY MAX() DESC LIMIT 10',
        'select avg(CPUUtilization)\n from schema( "AWS/EC2", InstanceId, InstanceType ) group by InstanceId',
    ],
)
def test_a_contributors_symptom_is_read_from_its_query(expression: str) -> None:
    """Multi-series alarms name their metric in Metrics Insights only, in any of its spellings."""
    event = sample("alarm/contributor")
    event["detail"]["configuration"]["metrics"][0]["expression"] = expression
    raised = signal(event)
    assert raised is not None
    assert raised.symptom == "cpu_sustained"


@pytest.mark.parametrize("state", ["ALARM", "OK", "INSUFFICIENT_DATA"])
def test_the_parent_of_a_multi_series_alarm_says_nothing(state: str) -> None:
    """Each contributor speaks for itself, in an event of its own."""
    event = sample("alarm/multi_series")
    event["detail"]["state"]["value"] = state
    assert signal(event) is None


def test_a_contributor_without_a_node_is_refused_and_no_parent() -> None:
    """It is the only event about that time series: nobody else speaks for it."""
    event = sample("alarm/contributor")
    event["detail"]["alarmContributor"]["attributes"] = {"ImageId": "ami-1"}
    with pytest.raises(Refused) as refused:
        signal(event)
    assert refused.value.code == "signal.no_subject"


def test_an_expression_over_a_grouped_query_is_no_parent() -> None:
    """What it returns is one time series without contributors: ignoring it would lose the alarm."""
    event = sample("alarm/multi_series")
    (query,) = event["detail"]["configuration"]["metrics"]
    whole = {"id": "e1", "expression": "MAX(m1)", "returnData": True}
    event["detail"]["configuration"]["metrics"] = [whole, {**query, "returnData": False}]
    with pytest.raises(Refused) as refused:
        signal(event)
    assert refused.value.code == "signal.no_subject"
    assert event["detail"]["alarmName"] in refused.value.message


def test_an_alarm_about_two_nodes_is_refused() -> None:
    """One signal is about one node."""
    event = sample("alarm/metric_math")
    other = event["detail"]["configuration"]["metrics"][2]["metricStat"]["metric"]
    other["dimensions"]["InstanceId"] = "i-00000000000000002"
    with pytest.raises(Refused, match="2 nodes") as refused:
        signal(event)
    assert refused.value.code == "signal.no_subject"


def test_an_alarm_on_a_metric_that_is_no_symptom_is_refused() -> None:
    """The policy says what counts as ill; the answer names what the alarm read."""
    event = sample("alarm/service_down")
    event["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["name"] = "Temperature"
    with pytest.raises(Refused, match="Nightshift/Temperature") as refused:
        signal(event)
    assert refused.value.code == "signal.unknown_symptom"


def test_a_state_without_a_readable_time_is_refused() -> None:
    """Order is told by the alarm's own clock; without it nothing can be ordered."""
    event = sample("alarm/service_down")
    event["detail"]["state"]["timestamp"] = "yesterday"
    with pytest.raises(Refused) as refused:
        signal(event)
    assert refused.value.code == "time.unreadable"
