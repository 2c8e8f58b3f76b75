"""Mends of Step Functions: callbacks, timeouts, stops, and JSONata fields."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.contract.cloud.harness import wait_for

RAISES = "def handler(event, context):\n    raise LookupError('boo')\n"


def status_event(cloud, name):
    """The status change of execution `name`; those of other tests are passed over."""

    def mine():
        event = json.loads(cloud.receive(cloud.outputs["MachineEvents"], f"the event of {name}")["Body"])
        return event["detail"] if event["detail"].get("name") == name else None

    return wait_for(mine, f"the event of {name}")


def test_an_answered_token_succeeds_with_the_output_of_succeed(cloud):
    """The answer comes through Assign and the JSONata Output of the Succeed state."""
    described = cloud.execute(cloud.outputs["Machine"], "answered", {"timeout": 3, "ask": {"answer": True}})
    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"]) == {"answer": {"answered": True}}


def test_an_error_of_the_function_fails_the_callback_at_once(cloud):
    """The task does not wait for its timeout when its function failed, and the failure is told."""
    described = cloud.execute(cloud.outputs["Machine"], "raises", {"timeout": 60, "ask": {"raise": "no"}})
    assert (described["status"], described["error"]) == ("FAILED", "LookupError")
    assert status_event(cloud, "raises")["status"] == "FAILED"


def test_a_jsonata_timeout_of_a_task_is_honoured(cloud):
    """TimeoutSeconds may be an expression; its end can be caught."""
    described = cloud.execute(cloud.outputs["Machine"], "late", {"timeout": 1, "ask": {}})
    assert (described["status"], described["error"]) == ("FAILED", "Late")


def test_the_machines_own_timeout_ends_the_execution(cloud):
    """TimeoutSeconds of the machine gives TIMED_OUT, an event, and a token that is no more."""
    described = cloud.execute(cloud.outputs["Machine"], "long", {"timeout": 60, "ask": {}})
    assert described["status"] == "TIMED_OUT"
    assert status_event(cloud, "long")["status"] == "TIMED_OUT"
    token = cloud.item("long")["token"]

    def refused():
        try:
            cloud.client("stepfunctions").send_task_success(taskToken=token, output="{}")
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    assert wait_for(refused, "the token to be refused") == "TaskTimedOut"


def test_an_aborted_execution_stays_aborted_and_does_no_more(cloud):
    """A stop during a callback ends in ABORTED with an event, not in FAILED."""
    started = cloud.execute(cloud.outputs["Machine"], "aborted", {"timeout": 60, "ask": {}}, until=False)
    token = cloud.item("aborted")["token"]
    sfn = cloud.client("stepfunctions")
    sfn.stop_execution(executionArn=started["executionArn"], error="Enough", cause="told to")
    assert status_event(cloud, "aborted")["status"] == "ABORTED"
    with pytest.raises(ClientError):
        wait_for(lambda: sfn.send_task_heartbeat(taskToken=token) and None, "the token to be closed")
    described = sfn.describe_execution(executionArn=started["executionArn"])
    assert (described["status"], described["error"]) == ("ABORTED", "Enough")


def test_a_token_is_answered_once(cloud):
    """A second answer is refused, so that the one who comes late knows."""
    cloud.execute(cloud.outputs["Machine"], "once", {"timeout": 3, "ask": {}}, until=False)
    token = cloud.item("once")["token"]
    sfn = cloud.client("stepfunctions")
    sfn.send_task_success(taskToken=token, output='{"first": true}')
    with pytest.raises(ClientError) as refused:
        sfn.send_task_failure(taskToken=token, error="Second")
    assert refused.value.response["Error"]["Code"] == "TaskTimedOut"


def test_executions_are_counted(cloud):
    """AWS/States metrics are there for alarms on the machine."""
    cloud.execute(cloud.outputs["Machine"], "counted", {"timeout": 3, "ask": {"raise": "no"}})
    names = {
        metric["MetricName"]
        for metric in cloud.client("cloudwatch").list_metrics(Namespace="AWS/States")["Metrics"]
    }
    assert {"ExecutionsStarted", "ExecutionsFailed"} <= names


def wait_machine(**task):
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True}
    arguments = {"FunctionName": "raises-in-task", "Payload": {}}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Ask",
        "States": {"Ask": {**state, "Arguments": arguments, **task}},
    }


def test_upstream_still_swallows_errors_of_callbacks(upstream):
    """Needless once upstream fails the task with the function's error instead of a timeout."""
    upstream.function("raises-in-task", RAISES)
    machine = upstream.machine("swallows", wait_machine(TimeoutSeconds=1))
    assert upstream.execute(machine, "x", {})["error"] == "States.Timeout"


def test_upstream_still_ignores_the_machines_timeout(upstream):
    """Needless once upstream ends an execution as TIMED_OUT."""
    state = {"Type": "Wait", "Seconds": 2, "End": True}
    machine = upstream.machine("patient", {"StartAt": "W", "TimeoutSeconds": 1, "States": {"W": state}})
    assert upstream.execute(machine, "x", {})["status"] == "SUCCEEDED"


def test_upstream_still_ignores_the_output_of_succeed(upstream):
    """Needless once upstream evaluates the JSONata Output of Succeed."""
    state = {"Type": "Succeed", "Output": {"said": "this"}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}}
    described = upstream.execute(upstream.machine("mute", definition), "x", {"given": 1})
    assert json.loads(described["output"]) == {"given": 1}


def test_upstream_still_fails_on_an_expression_as_timeout(upstream):
    """Needless once upstream evaluates a JSONata TimeoutSeconds."""
    machine = upstream.machine("expression", wait_machine(TimeoutSeconds="{% 1 %}"))
    assert upstream.execute(machine, "x", {})["error"] == "States.Runtime"
