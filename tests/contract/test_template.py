"""template.yaml and the code agree: functions, variables, states, queues, retention, tables."""

from __future__ import annotations

import importlib
import json
import re
from datetime import timedelta

import pytest

from nightshift import policy_schema
from nightshift.aws import steps
from nightshift.settings import Settings
from tests.samples import ROOT
from tests.stack import stack, state_machine

FUNCTIONS = stack().functions
FOLDERS = sorted(path.parent.name for path in ROOT.glob("functions/*/app.py"))
TEXT = (ROOT / "template.yaml").read_text()


def title(name: str) -> str:
    """``admit_incident`` as the template's logical ids and the machine's states write it."""
    return "".join(part.title() for part in name.split("_"))


def test_every_folder_is_one_function_and_every_function_one_folder() -> None:
    """The folder's name, the function's name and the logical id are the same verb phrase."""
    assert sorted(FUNCTIONS) == FOLDERS
    for name, function in FUNCTIONS.items():
        assert function.logical_id == f"{title(name)}Function"
        assert function.properties["FunctionName"] == f"nightshift-{name}"


@pytest.mark.parametrize("name", FOLDERS)
def test_a_function_is_told_exactly_what_it_asks_for(name: str) -> None:
    """Variables of the template are the fields of its settings, none missing and none too many."""
    app = importlib.import_module(f"functions.{name}.app")
    assert issubclass(app.Environment, Settings)
    common = set(stack().template["Globals"]["Function"]["Environment"]["Variables"])
    told = set(FUNCTIONS[name].environment) - common
    assert told == {field.upper() for field in app.Environment.model_fields}
    assert all(FUNCTIONS[name].environment.values())


@pytest.mark.parametrize("name", FOLDERS)
def test_a_function_folder_holds_only_its_handler(name: str) -> None:
    """One concern, one page: app.py with a handler, a docstring, and nothing beside it."""
    folder = ROOT / "functions" / name
    assert [path.name for path in folder.iterdir() if path.name != "__pycache__"] == ["app.py"]
    app = importlib.import_module(f"functions.{name}.app")
    assert callable(app.handler)
    assert app.__doc__


def test_every_parameter_and_function_is_described() -> None:
    """Whoever deploys reads what each is for."""
    assert all(parameter["Description"] for parameter in stack().template["Parameters"].values())
    assert all(function.properties["Description"] for function in FUNCTIONS.values())
    assert all(output["Description"] for output in stack().template["Outputs"].values())


def test_every_function_runs_on_the_supported_runtime_with_the_layer() -> None:
    """One runtime for all, traced."""
    common = stack().template["Globals"]["Function"]
    assert common["Runtime"] == "python3.13"
    assert common["Handler"] == "app.handler"
    assert common["Tracing"] == "Active"
    assert all("Runtime" not in function.properties for function in FUNCTIONS.values())


@pytest.mark.parametrize("name", FOLDERS)
def test_every_function_has_a_log_that_expires(name: str) -> None:
    """No log group is left to be made by Lambda, for ever."""
    logs = stack().of_type("AWS::Logs::LogGroup")
    log = logs[f"{title(name)}Log"]
    assert log["LogGroupName"] == f"/aws/lambda/nightshift-{name}"
    assert log["RetentionInDays"]


def invoked_by_events() -> list[str]:
    """Functions that something other than the machine invokes."""
    return [
        name
        for name, function in FUNCTIONS.items()
        if {event["Type"] for event in function.properties.get("Events", {}).values()} - {"HttpApi"}
    ]


@pytest.mark.parametrize("name", invoked_by_events())
def test_every_asynchronous_path_ends_in_a_dead_letter_queue_that_raises_an_alarm(name: str) -> None:
    """What a rule cannot deliver and what a function cannot do is kept, and somebody hears of it."""
    queues = stack().of_type("AWS::SQS::Queue")
    letters = f"{title(name)}DeadLetters"
    assert queues[letters]["MessageRetentionPeriod"] == 14 * 86_400
    properties = FUNCTIONS[name].properties
    for event in properties["Events"].values():
        if event["Type"] == "SQS":
            (source,) = [
                one for name, one in queues.items() if stack().arn(name) == event["Properties"]["Queue"]
            ]
            assert source["RedrivePolicy"]["deadLetterTargetArn"] == stack().arn(letters)
        else:
            assert event["Properties"]["DeadLetterConfig"]["Arn"] == stack().arn(letters)
            assert event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"] > 0
            failure = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]
            assert failure == {"Type": "SQS", "Destination": stack().arn(letters)}
    alarms = stack().of_type("AWS::CloudWatch::Alarm")
    watched = [one["Value"] for alarm in alarms.values() for one in alarm["Dimensions"]]
    assert f"nightshift-{letters}" in watched


def test_the_queue_policy_lets_rules_into_every_queue_that_they_speak_to() -> None:
    """A queue that is missing there would lose what it is for, silently."""
    (policy,) = stack().of_type("AWS::SQS::QueuePolicy").values()
    assert set(policy["Queues"]) == {stack().ref(name) for name in stack().of_type("AWS::SQS::Queue")}


def test_alarms_on_the_stack_itself_go_straight_to_the_topic() -> None:
    """Reserved prefix, no rule: Nightshift's own death is not healed by Nightshift."""
    for alarm in stack().of_type("AWS::CloudWatch::Alarm").values():
        assert alarm["AlarmName"].startswith("nightshift-self-")
        assert alarm["AlarmActions"] == [stack().ref("PagesTopic")]


def test_every_table_is_recoverable_and_encrypted() -> None:
    """Point-in-time recovery everywhere; time to live exactly where things are remembered for a while."""
    tables = stack().of_type("AWS::DynamoDB::Table")
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
    living = {name for name, table in tables.items() if "TimeToLiveSpecification" in table}
    assert living == {
        "StepsTable",
        "DeliveriesTable",
        "GatesTable",
        "InspectionsTable",
        "CommandsTable",
        "TakenPushesTable",
    }


#: Where a question to a person, its answer and a pause stand, and by which key.
DECIDED = {
    "GroupsTable": ["group"],
    "IncidentsTable": ["incident_id"],
    "StepsTable": ["step_id"],
    "JournalTable": ["chain", "seq"],
}


@pytest.mark.parametrize("name", DECIDED)
def test_what_people_decided_outlives_every_deployment_of_the_stack(name: str) -> None:
    """CloudFormation replaces a table, by an empty one, only for another key or name: neither changes.

    So approvals and pauses survive; and if somebody changes one all the same, the old table is kept.
    """
    table = stack().of_type("AWS::DynamoDB::Table")[name]
    assert [key["AttributeName"] for key in table["KeySchema"]] == DECIDED[name]
    assert "TableName" not in table
    assert stack().resources[name]["UpdateReplacePolicy"] == "Retain"


def test_no_pause_and_no_question_expires_before_it_is_over() -> None:
    """Groups and incidents have no time to live; a step's is longer than any question may be open."""
    for name in ("GroupsTable", "IncidentsTable"):
        assert "TimeToLiveSpecification" not in stack().of_type("AWS::DynamoDB::Table")[name]
    longest = policy_schema.field(("healing", "approval_seconds"))
    assert longest is not None
    assert timedelta(seconds=longest["maximum"]) < steps.KEPT


def test_the_journal_outlives_the_stack() -> None:
    """And never expires."""
    assert stack().resources["JournalTable"]["DeletionPolicy"] == "Retain"


# the heal machine

STATES = state_machine()["States"]
USED = set(re.findall(r"\$\{(\w+)\}", json.dumps(STATES)))


def test_every_task_is_called_as_its_function() -> None:
    """A state's name is a function's verb phrase."""
    for name, state in STATES.items():
        if state["Type"] == "Task":
            assert state["Arguments"]["FunctionName"] == f"${{{name}Function}}"


def test_the_machine_is_given_every_function_that_it_names_and_no_other() -> None:
    """Substitutions and the machine's own policy."""
    properties = stack().of_type("AWS::Serverless::StateMachine")["HealStateMachine"]
    assert set(properties["DefinitionSubstitutions"]) == USED
    statements = [one for policy in properties["Policies"] for one in policy["Statement"]]
    (invoking,) = [one for one in statements if one["Action"] == ["lambda:InvokeFunction"]]
    assert set(invoking["Resource"]) == set(properties["DefinitionSubstitutions"].values())
    assert set(invoking["Resource"]) == {stack().arn(name) for name in USED}


def test_every_state_of_a_function_answers_only_states_that_exist() -> None:
    """What ``next`` may say is a state; the choices know each of them."""
    said = set()
    for name in ("admit_incident", "verify_health", "close_incident"):
        source = (ROOT / "functions" / name / "app.py").read_text()
        said |= set(re.findall(r"\"next\": \"(\w+)\"", source))
    assert said >= {"WaitUntil", "LookAgain", "VerifyHealth", "CloseIncident"}
    assert said <= set(STATES)


@pytest.mark.parametrize("name", [name for name, state in STATES.items() if state["Type"] == "Task"])
def test_every_task_ends_by_a_timeout_and_is_retried_with_jitter(name: str) -> None:
    """A lost answer holds nothing for ever; what is permanent is not repeated."""
    state = STATES[name]
    limit = 1_800 if name != "AskApproval" else "{% $min([86400, $states.input.seconds]) %}"  # as it was told
    assert state["TimeoutSeconds"] == limit or 0 < state["TimeoutSeconds"] <= limit
    first, last = state["Retry"]
    assert first["MaxAttempts"] == 0
    assert {"Permanent", "Refused"} <= set(first["ErrorEquals"])
    assert last["ErrorEquals"] == ["States.ALL"]
    assert last["JitterStrategy"] == "FULL"


def test_every_state_is_reached_and_leads_somewhere() -> None:
    """No dead ends, no islands."""
    leads = {
        name: {state.get("Next"), state.get("Default")}
        | {one["Next"] for one in [*state.get("Choices", []), *state.get("Catch", [])]}
        for name, state in STATES.items()
    }
    reached, waiting = set(), [state_machine()["StartAt"]]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += [one for one in leads[name] if one and one not in reached]
    assert reached == set(STATES)


def test_every_grant_says_why() -> None:
    """A statement that allows something carries its reason in the same line."""
    grants = [line for line in TEXT.splitlines() if re.match(r"\s+- Effect: Allow", line)]
    resource_policies = 2  # the topic's and the queues', explained above them
    assert len([line for line in grants if "#" in line]) >= len(grants) - resource_policies


@pytest.mark.parametrize("name", FOLDERS)
def test_no_function_may_do_everything(name: str) -> None:
    """No wildcard in an action; ``*`` as resource only for actions that know none."""
    unbounded = {
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeInstanceRefreshes",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:GetMetricData",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstances",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetHealth",
        "ssm:DescribeInstanceInformation",
        "ssm:GetCommandInvocation",
        "ssm:ListCommandInvocations",
        "ssm:ListCommands",
        "states:SendTaskSuccess",
    }
    for action, resource in FUNCTIONS[name].grants():
        assert "*" not in action
        assert resource != "*" or action in unbounded


def test_only_one_role_may_terminate() -> None:
    """Level 3 has its own function for its own role."""
    able = {
        name
        for name, function in FUNCTIONS.items()
        for action, _ in function.grants()
        if action.startswith("autoscaling:Terminate")
    }
    assert able == {"replace_node"}
