"""Mends of EventBridge and CloudWatch: deliveries, alarms and the metrics behind them."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest

from tests.contract.cloud.harness import wait_for

RAISES = "def handler(event, context):\n    raise LookupError('boo')\n"


@contextmanager
def metrics(cloud, name, value, *, other=1.0):
    """Publish a value for i-1 (and another for i-2) several times a second."""
    stop = threading.Event()

    def publish():
        cloudwatch = cloud.client("cloudwatch")
        while not stop.wait(0.2):
            data = [
                {"MetricName": name, "Dimensions": [{"Name": "InstanceId", "Value": node}], "Value": v}
                for node, v in (("i-1", value), ("i-2", other))
            ]
            cloudwatch.put_metric_data(Namespace="Test", MetricData=data)

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def state(cloud, alarm):
    return cloud.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"]


def kept_alarm_events(cloud):
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["Table"])["Items"]
    events = [json.loads(item["event"]["S"]) for item in items if "event" in item]
    found = [event for event in events if event.get("source") == "aws.cloudwatch"]
    return sorted(found, key=lambda event: event["detail"]["state"]["timestamp"])


def test_alarms_judge_their_own_dimensions_and_speak_to_bus_and_topic(cloud):
    """Down, an event of AWS's shape with startDate and a page; up again, an event."""
    with metrics(cloud, "ServiceUp", 0.0):
        page = json.loads(cloud.receive(cloud.outputs["PageCopies"], "the page")["Body"])
    assert json.loads(page["Message"])["NewStateValue"] == "ALARM"
    with metrics(cloud, "ServiceUp", 1.0, other=0.0):
        wait_for(lambda: state(cloud, "t-down") == "OK", "the alarm to be OK")
    events = wait_for(lambda: (e := kept_alarm_events(cloud))[1:] and e, "both events")
    down, up = (event["detail"] for event in events[:2])
    assert events[0]["resources"] == ["arn:aws:cloudwatch:us-east-1:000000000000:alarm:t-down"]
    assert down["alarmName"] == "t-down"
    assert down["state"]["value"] == "ALARM"
    assert down["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert down["state"]["timestamp"].endswith("+0000")
    stat = down["configuration"]["metrics"][0]["metricStat"]
    assert stat["metric"] == {
        "namespace": "Test",
        "name": "ServiceUp",
        "dimensions": {"InstanceId": "i-1"},
    }
    assert (stat["period"], stat["stat"]) == (1, "Minimum")
    data = json.loads(down["state"]["reasonData"])
    assert data["startDate"] == data["evaluatedDatapoints"][-1]["timestamp"]
    assert data["recentDatapoints"] == [0.0, 0.0]
    assert (up["state"]["value"], up["previousState"]) == ("OK", down["state"])


def test_setting_an_alarms_state_emits_the_event(cloud):
    """SetAlarmState speaks to the bus, with the caller's reason and data."""
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="t-set",
        Namespace="Test",
        MetricName="Silent",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    cloudwatch.set_alarm_state(
        AlarmName="t-set", StateValue="ALARM", StateReason="by hand", StateReasonData='{"by": "hand"}'
    )

    def spoken():
        return [e["detail"] for e in kept_alarm_events(cloud) if e["detail"]["alarmName"] == "t-set"]

    detail = wait_for(spoken, "the event")[0]
    assert (detail["state"]["reason"], detail["state"]["reasonData"]) == ("by hand", '{"by": "hand"}')


def test_composite_alarms_follow_their_children(cloud):
    """A composite of the template turns with its child, and names it in the event."""
    cloud.client("cloudwatch").set_alarm_state(AlarmName="t-child", StateValue="ALARM", StateReason="by hand")

    def spoken():
        return [e["detail"] for e in kept_alarm_events(cloud) if e["detail"]["alarmName"] == "t-parent"]

    detail = wait_for(spoken, "the composite's event")[0]
    assert detail["state"]["value"] == "ALARM"
    assert detail["configuration"]["alarmRule"] == 'ALARM("t-child")'
    triggering = json.loads(detail["state"]["reasonData"])["triggeringAlarms"]
    assert [alarm["arn"].rpartition(":")[2] for alarm in triggering] == ["t-child"]


def test_upstream_still_ignores_dimensions_and_emits_no_alarm_event(upstream):
    """Needless once upstream evaluates per dimension and puts the event on the bus."""
    queue = upstream.client("sqs").create_queue(QueueName="alarm-events")["QueueUrl"]
    events = upstream.client("events")
    events.put_rule(Name="alarms", EventPattern='{"source": ["aws.cloudwatch"]}')
    target = {"Id": "q", "Arn": "arn:aws:sqs:us-east-1:000000000000:alarm-events"}
    events.put_targets(Rule="alarms", Targets=[target])
    cloudwatch = upstream.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="down",
        Namespace="Test",
        MetricName="Up",
        Dimensions=[{"Name": "InstanceId", "Value": "i-1"}],
        Statistic="Minimum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    stranger = {"MetricName": "Up", "Dimensions": [{"Name": "InstanceId", "Value": "i-2"}], "Value": 0}
    cloudwatch.put_metric_data(Namespace="Test", MetricData=[stranger])
    assert state(upstream, "down") == "ALARM"
    # SetAlarmState answers after it did all that it does.
    cloudwatch.set_alarm_state(AlarmName="down", StateValue="OK", StateReason="x")
    assert not upstream.client("sqs").receive_message(QueueUrl=queue).get("Messages")


def test_a_target_that_does_not_exist_goes_to_the_rules_dead_letter_queue(cloud):
    """The undeliverable event is kept with AWS's attributes."""
    entry = {"Source": "test.gone", "DetailType": "x", "Detail": '{"a": 1}'}
    cloud.client("events").put_events(Entries=[entry])
    message = cloud.receive(cloud.outputs["Undelivered"], "the undelivered event")
    assert json.loads(message["Body"])["detail"] == {"a": 1}
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told["ERROR_CODE"] == "NO_RESOURCE"
    assert told["TARGET_ARN"].endswith(":function:gone")
    assert "RULE_ARN" in told


def test_rules_invoke_functions_with_retries(cloud):
    """A function that fails on an event of a rule is tried again, then its destination hears."""
    entry = {
        "Source": "aws.cloudwatch",
        "DetailType": "CloudWatch Alarm State Change",
        "Detail": {"alarmName": "t-failing", "ask": {"raise": "on purpose"}},
    }
    cloud.post("/_nightshift/aws-events", [entry])
    record = json.loads(cloud.receive(cloud.outputs["Failures"], "the failure")["Body"])
    assert record["requestPayload"]["detail"] == entry["Detail"]
    assert record["requestContext"]["approximateInvokeCount"] == 2


def test_upstream_still_invokes_rule_targets_once(upstream):
    """Needless once a rule's failing function is retried and its destination hears."""
    queue = upstream.client("sqs").create_queue(QueueName="rule-failures")["QueueUrl"]
    upstream.function("fails", RAISES)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:fails"
    destination = {"Destination": "arn:aws:sqs:us-east-1:000000000000:rule-failures"}
    upstream.client("lambda").put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": destination}
    )
    events = upstream.client("events")
    events.put_rule(Name="fails", EventPattern='{"source": ["test.fails"]}')
    events.put_targets(Rule="fails", Targets=[{"Id": "f", "Arn": arn}])
    events.put_events(Entries=[{"Source": "test.fails", "DetailType": "x", "Detail": "{}"}])

    def ran():
        logs = upstream.client("logs")
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/fails")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return False
        return any("REPORT" in event["message"] for event in found)

    wait_for(ran, "the function to have run")
    assert not upstream.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")


def statistic(cloud, namespace, name, value, dimension):
    return cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]


@pytest.mark.parametrize("name", ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"])
def test_queues_are_measured(cloud, name):
    """Alarms on a dead-letter queue read a metric that is really there."""
    queue = cloud.outputs["Failures"].rpartition("/")[2]
    wait_for(lambda: statistic(cloud, "AWS/SQS", name, queue, "QueueName"), f"{name} of a queue")


def test_upstream_still_publishes_no_metrics_of_queues(upstream):
    """Needless once upstream measures its queues."""
    assert not upstream.client("cloudwatch").list_metrics(Namespace="AWS/SQS")["Metrics"]
