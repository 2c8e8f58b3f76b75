"""Every sample in events/ is what AWS sends: it parses, reaches a function by a rule, and is read there."""

from __future__ import annotations

import importlib
import json
from typing import Any

import pytest
from moto.events.models import EventPattern
from pydantic import BaseModel

from nightshift import envelopes, events
from nightshift.aws.intents import Ordered
from nightshift.errors import Refused
from nightshift.pushing import Package
from tests.samples import NODE, names, sample
from tests.stack import ACCOUNT, Rule, stack

#: The model that reads each folder's samples, and who is invoked with them.
ENVELOPES: dict[str, tuple[type[BaseModel], str]] = {
    "alarm": (envelopes.AlarmStateChange, "raise_signal"),
    "command": (envelopes.CommandStatusChange, "resume_step"),
    "states": (envelopes.ExecutionEnded, "close_incident"),
}
#: Samples that are refused on purpose, and by what.
MALFORMED = {"alarm/unknown_shape": "event.unknown_shape"}
#: Orders of the heal machine: they come by no rule.
ORDERS = names("heal")
#: What the run machine, the command line and inspect_fleet say.
RUNS = names("run")
SCHEDULED = names("schedule")
#: Requests of the HTTP API.
REQUESTS = names("http")
BY_RULE = [
    name
    for name in names()
    if name not in {*ORDERS, *RUNS, *SCHEDULED, *REQUESTS, "auto_scaling/queued_launch", "queue/samples"}
]


def listeners(event: dict[str, Any], bus: str) -> list[Rule]:
    """The rules that an event on a bus matches, by EventBridge's own pattern language."""
    return [
        rule
        for rule in stack().rules()
        if rule.bus == bus and EventPattern.load(json.dumps(rule.pattern)).matches_event(event)
    ]


def bus_of(event: dict[str, Any]) -> str:
    """AWS speaks on the default bus, Nightshift on its own."""
    return stack().ref("Bus") if event["source"] == "nightshift" else "default"


def test_every_folder_is_known_here() -> None:
    """A new kind of sample says who reads it."""
    folders = {name.partition("/")[0] for name in names()}
    assert folders == {
        *ENVELOPES,
        "auto_scaling",
        "deployment",
        "fleet",
        "heal",
        "http",
        "incident",
        "policy",
        "queue",
        "run",
        "schedule",
        "signal",
    }


@pytest.mark.parametrize("name", names())
def test_a_sample_is_a_complete_envelope(name: str) -> None:
    """Nothing that EventBridge adds is missing, so that whoever adds a field finds the place."""
    event = sample(name)
    if name.startswith("heal/"):
        assert event["incident_id"]
    elif name in RUNS:
        assert event.get("command_id") or event.get("by") or event["pass_id"]
    elif name in REQUESTS:
        assert envelopes.read(envelopes.HttpRequest, event).context.http.method
    elif name == "queue/samples":
        (record,) = event["Records"]
        assert Package.model_validate_json(record["body"]).node_id == NODE
    elif name == "auto_scaling/queued_launch":
        (record,) = event["Records"]
        assert record["eventSource"] == "aws:sqs"
        assert json.loads(record["body"]) == sample("auto_scaling/launched")
    else:
        assert set(event) == {
            "version",
            "id",
            "detail-type",
            "source",
            "account",
            "time",
            "region",
            "resources",
            "detail",
        }
        assert event["account"] == ACCOUNT


@pytest.mark.parametrize("name", BY_RULE)
def test_a_sample_matches_the_rule_that_brings_it_to_its_function(name: str) -> None:
    """Also what is refused later must arrive first: its refusal is what keeps it in the queue."""
    event = sample(name)
    heard = {rule.function for rule in listeners(event, bus_of(event))}
    expected = {
        "auto_scaling/launched": "welcome_node",
        "auto_scaling/terminated": "retire_node",
        "signal/raised": "open_incident",
        "signal/cleared": "close_incident",
        "incident/escalated": "notify",
        "incident/healed": "notify",
        "incident/resolved": "notify",
        "deployment/pushed": "start_deployment",
        "deployment/gate_reported": "record_gate",
        "deployment/started": "notify",
        "deployment/failed": "notify",
        "policy/refused": "notify",
        "fleet/command_completed": "notify",
    }
    folder = name.partition("/")[0]
    listener = expected.get(name, ENVELOPES.get(folder, (None, ""))[1])
    # What happens to a deployment is also told to the commit's home.
    assert heard == {listener} | (
        {"mark_commit"} if listener == "notify" and folder == "deployment" else set()
    )


@pytest.mark.parametrize("name", [name for name in BY_RULE if name.partition("/")[0] in ENVELOPES])
def test_a_sample_is_read_by_its_model(name: str) -> None:
    """Or refused with the code that it is there to show."""
    model, _ = ENVELOPES[name.partition("/")[0]]
    if name in MALFORMED:
        with pytest.raises(Refused) as refused:
            envelopes.read(model, sample(name))
        assert refused.value.code == MALFORMED[name]
    else:
        assert envelopes.read(model, sample(name))


@pytest.mark.parametrize("name", ["auto_scaling/launched", "auto_scaling/terminated"])
def test_an_instance_event_is_read_by_its_model(name: str) -> None:
    """Launch and termination have one shape."""
    assert envelopes.read(envelopes.InstanceChange, sample(name)).detail.instance_id.startswith("i-")


@pytest.mark.parametrize(
    "name", names("signal") + names("incident") + names("deployment") + names("policy") + names("fleet")
)
def test_one_of_our_own_events_is_read_by_the_model_of_its_name(name: str) -> None:
    """Our models allow no field too many and none too few."""
    event = sample(name)
    model: type[events.Event] = getattr(events, event["detail-type"])
    assert envelopes.detail(model, event).name == event["detail-type"]


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_the_machine_is_read_by_its_function(name: str) -> None:
    """The file's name is the function's; what the function asks for is in it."""
    app = importlib.import_module(f"functions.{name.partition('/')[2]}.app")
    model = getattr(app, "Request", Ordered)
    assert envelopes.read(model, sample(name)).incident_id.startswith("inc-")


@pytest.mark.parametrize("name", RUNS)
def test_what_runs_a_command_is_read_by_its_function(name: str) -> None:
    """The file's name is the function's."""
    app = importlib.import_module(f"functions.{name.partition('/')[2]}.app")
    assert envelopes.read(app.Request, sample(name))


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_schedule_reaches_its_function(name: str) -> None:
    """Its sample is what a scheduled rule sends; the file's name is the function's."""
    looks = stack().functions[name.partition("/")[2]].properties["Events"]
    assert [event["Type"] for event in looks.values()] == ["Schedule"]
    assert sample(name)["detail-type"] == "Scheduled Event"


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("alarm/service_down", ("detail", "alarmName"), "nightshift-self-notify-errors"),
        ("alarm/service_down", ("detail", "alarmName"), "somebody-elses-alarm"),
        ("alarm/service_down", ("source",), "aws.monitoring"),
        ("alarm/service_down", ("detail-type",), "CloudWatch Alarm Configuration Change"),
        ("command/succeeded", ("detail", "document-name"), "AWS-RunShellScript"),
        ("command/succeeded", ("detail-type",), "EC2 Command Invocation Status-change Notification"),
        ("states/failed", ("detail", "status"), "SUCCEEDED"),
        ("states/failed", ("detail", "stateMachineArn"), "arn:aws:states:us-east-1:1:stateMachine:other"),
        ("auto_scaling/launched", ("detail-type",), "EC2 Instance Launch Unsuccessful"),
        ("signal/raised", ("source",), "somebody"),
    ],
)
def test_what_is_not_ours_reaches_nobody(name: str, place: tuple[str, ...], value: str) -> None:
    """Rules on the default bus are narrow: own alarms of the stack never heal anything."""
    event = sample(name)
    target = event
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    assert listeners(event, bus_of(sample(name))) == []


def test_aws_cannot_be_imitated_on_our_own_bus() -> None:
    """Rules for AWS's events listen on the default bus only, where nobody else may speak as aws.*."""
    for rule in stack().rules():
        own = rule.pattern["source"] == ["nightshift"]
        assert (rule.bus == stack().ref("Bus")) == own
        assert own or all(source.startswith("aws.") for source in rule.pattern["source"])
