from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift import envelopes
from nightshift.envelopes import AlarmStateChange, CommandStatusChange, ExecutionEnded, InstanceChange
from nightshift.errors import Refused
from nightshift.events import SignalRaised, traceparent
from tests.samples import sample

MODELS = (AlarmStateChange, CommandStatusChange, ExecutionEnded, InstanceChange)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("model", MODELS)
@given(event=JSON)
def test_what_has_an_unknown_shape_is_refused_and_never_crashes(model: type[Any], event: Any) -> None:
    """Whatever arrives: a stable code, so that it is kept in the dead-letter queue with its reason."""
    with pytest.raises(Refused) as refused:
        envelopes.read(model, event)
    assert refused.value.code == "event.unknown_shape"


@given(event=JSON)
def test_a_malformed_event_of_our_own_is_refused_too(event: Any) -> None:
    """The bus may be spoken on by others: its events are read as carefully."""
    with pytest.raises(Refused) as refused:
        envelopes.detail(SignalRaised, {"detail": event})
    assert refused.value.code == "event.unknown_shape"
    with pytest.raises(Refused):
        envelopes.detail(SignalRaised, event)


def test_a_refusal_names_the_fields_that_are_wrong() -> None:
    """Whoever reads the dead-letter queue sees what to mend."""
    with pytest.raises(Refused) as refused:
        envelopes.read(AlarmStateChange, sample("alarm/unknown_shape"))
    assert "detail.state.value" in refused.value.message
    assert "detail.state.timestamp" in refused.value.message


def test_new_fields_of_aws_are_ignored() -> None:
    """AWS adds fields without notice; none of them may stop the healing."""
    event = sample("alarm/service_down")
    event["detail"]["muteDetail"] = {"mutedByArn": "arn:aws:cloudwatch:us-east-1:1:alarm-mute-rule:x"}
    assert envelopes.read(AlarmStateChange, event).detail.state.value == "ALARM"


def test_unknown_fields_in_our_own_events_are_not_ignored() -> None:
    """What Nightshift writes it knows: a field too many is a mistake or a newer version."""
    event = sample("signal/raised")
    event["detail"]["severity"] = "high"
    with pytest.raises(Refused):
        envelopes.detail(SignalRaised, event)


@pytest.mark.parametrize("bad", ["i-0a1b2c3d; rm -rf /", "i-XYZ", "mi-0a1b2c3d", ""])
def test_an_instance_id_is_an_instance_id(bad: str) -> None:
    """It becomes a key, an alarm's name and a target: nothing else may pass for one."""
    event = sample("auto_scaling/launched")
    event["detail"]["EC2InstanceId"] = bad
    with pytest.raises(Refused):
        envelopes.read(InstanceChange, event)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (None, "ClientError"),
        ("plain words", "ClientError: plain words"),
        ('{"errorMessage": "denied", "stackTrace": ["a", "b"]}', "ClientError: denied"),
        ('["no object"]', 'ClientError: ["no object"]'),
        ("x" * 2_000, "ClientError: x"),
    ],
)
def test_a_dead_machines_reason_is_one_short_line(cause: str | None, said: str) -> None:
    """A function's cause is JSON with a stack trace; a page quotes its message only."""
    event = sample("states/failed")
    event["detail"]["cause"] = cause
    reason = envelopes.read(ExecutionEnded, event).detail.reason
    assert reason.startswith(f"the machine ended FAILED: {said}")
    assert len(reason) <= 500


@given(st.text(), st.text())
def test_a_traceparent_is_always_well_formed(trace: str, span: str) -> None:
    """W3C: version, 32 and 16 hexadecimal digits, sampled; the same names give the same one."""
    parent = traceparent(trace, span)
    version, trace_id, span_id, flags = parent.split("-")
    assert (version, len(trace_id), len(span_id), flags) == ("00", 32, 16, "01")
    assert int(trace_id, 16) >= 0
    assert parent == traceparent(trace, span)
