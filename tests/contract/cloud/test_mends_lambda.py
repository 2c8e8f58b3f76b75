"""Mends of Lambda: what they give, and whether upstream still lacks it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from tests.contract.cloud.harness import wait_for

RAISES = "def handler(event, context):\n    raise LookupError('boo')\n"
TELLS = (
    "import os, sys\n"
    "def handler(event, context):\n"
    "    return {'pid': os.getpid(), 'home': os.environ['HOME'], 'sam': 'samtranslator' in str(sys.path)}\n"
)
PRINTS = (
    "import json\n"
    "def handler(event, context):\n"
    "    metrics = [{'Name': 'Beat', 'Unit': 'Count'}]\n"
    "    told = [{'Namespace': 'Mine', 'Dimensions': [['service']], 'Metrics': metrics}]\n"
    "    aws = {'Timestamp': 0, 'CloudWatchMetrics': told}\n"
    "    print(json.dumps({'_aws': aws, 'service': 's', 'Beat': [1.0]}))\n"
)


def test_an_error_keeps_its_type_and_trace_and_its_worker(cloud):
    """A failed handler is reported as AWS does, and the worker takes the next invocation."""
    _error, before = cloud.invoke("t-work", ask={"environment": True})
    error, payload = cloud.invoke("t-work", ask={"raise": "boo"})
    _error, after = cloud.invoke("t-work", ask={"environment": True})
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("LookupError", "boo")
    assert len(payload["stackTrace"]) == 1
    assert 'raise LookupError(ask["raise"])' in payload["stackTrace"][0]
    assert before["pid"] == after["pid"]


def test_upstream_still_hides_errors(upstream):
    """Needless once upstream reports the error's own type."""
    upstream.function("raises", RAISES)
    assert upstream.invoke("raises")[1]["errorType"] == "Runtime.HandlerError"


def test_a_worker_sees_its_own_environment_only(cloud):
    """Nothing of the operator's shell and none of the tools' packages reaches a function."""
    _error, seen = cloud.invoke("t-work", ask={"environment": True})
    assert not [name for name in seen["names"] if name.startswith(("SECRET", "NIGHTSHIFT", "PYTHON"))]
    assert not [path for path in seen["path"] if path.endswith("site-packages")]
    assert seen["tmp"].startswith(str(cloud.home / "tmp"))
    assert seen["path"][1].startswith(str(cloud.home / "build" / "layers"))


def test_a_function_that_cannot_start_says_why(cloud):
    """A missing module is AWS's error, in the answer and in the log."""
    error, payload = cloud.invoke("t-broken")
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "module_that_is_in_no_layer" in payload["errorMessage"]
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/t-broken")["events"]
    assert any("ModuleNotFoundError" in event["message"] for event in events)


def test_upstream_still_lets_functions_import_anything(upstream):
    """Needless once upstream keeps its own packages and environment from functions."""
    upstream.function("tells", TELLS)
    _error, payload = upstream.invoke("tells")
    assert not payload["home"].startswith(str(upstream.home))


def test_a_failed_event_is_retried_then_sent_to_the_destination(cloud):
    """MaximumRetryAttempts 1 means two attempts, then one record on the queue."""
    event = {"id": "async", "ask": {"raise": "async"}}
    cloud.client("lambda").invoke(FunctionName="t-work", InvocationType="Event", Payload=json.dumps(event))
    record = json.loads(cloud.receive(cloud.outputs["Failures"], "the failure")["Body"])
    assert record["requestPayload"] == event
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responsePayload"]["errorType"] == "LookupError"


def test_a_dead_letter_queue_gets_the_event_itself(cloud):
    """A function's DLQ holds the event with the error as attributes."""
    cloud.client("lambda").invoke(FunctionName="t-broken", InvocationType="Event", Payload=b'{"a": 1}')
    message = cloud.receive(cloud.outputs["Failures"], "the dead letter")
    assert json.loads(message["Body"]) == {"a": 1}
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "200"
    assert "module_that_is_in_no_layer" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]


def test_upstream_still_sends_a_dead_letter_queue_the_envelope(upstream):
    """Needless once upstream's dead letters are the event itself."""
    queue = upstream.client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    upstream.function("dies", RAISES, DeadLetterConfig={"TargetArn": arn})
    upstream.client("lambda").put_function_event_invoke_config(FunctionName="dies", MaximumRetryAttempts=0)
    upstream.client("lambda").invoke(FunctionName="dies", InvocationType="Event", Payload=b'{"a": 1}')
    assert "requestPayload" in json.loads(upstream.receive(queue, "the dead letter")["Body"])


def test_templates_keep_dead_letter_queues(cloud):
    """The function has the queue and the reserved concurrency that the template gave it."""
    reserved = cloud.client("lambda").get_function_concurrency(FunctionName="t-broken")
    assert reserved["ReservedConcurrentExecutions"] == 3
    described = cloud.client("lambda").get_function_configuration(FunctionName="t-broken")
    assert described["DeadLetterConfig"]["TargetArn"].endswith(cloud.outputs["Failures"].rpartition("/")[2])


def test_upstream_still_drops_dead_letter_queues_of_templates(upstream):
    """Needless once upstream's AWS::Lambda::Function keeps DeadLetterConfig."""
    properties = {
        "FunctionName": "templated",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:000000000000:any"},
    }
    upstream.deploy({"F": {"Type": "AWS::Lambda::Function", "Properties": properties}})
    described = upstream.client("lambda").get_function_configuration(FunctionName="templated")
    assert not described.get("DeadLetterConfig", {}).get("TargetArn")


def test_concurrent_invocations_each_have_a_worker(cloud):
    """Two invocations at once do not wait for each other."""
    lambdas = cloud.client("lambda")
    for name in ("one", "two"):
        event = {"id": f"concurrent-{name}", "ask": {"sleep": 0.5}}
        lambdas.invoke(FunctionName="t-work", InvocationType="Event", Payload=json.dumps(event))
    wait_for(lambda: len(cloud.workers()) >= 2, "two workers")
    assert cloud.item("concurrent-one")
    assert cloud.item("concurrent-two")


def test_a_metric_that_a_function_prints_is_a_metric(cloud):
    """With its dimensions, every value of it; what only looks like one is text."""
    line = {
        "_aws": {
            "Timestamp": 0,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Mine",
                    "Dimensions": [["service"]],
                    "Metrics": [{"Name": "Beat", "Unit": "Count"}],
                }
            ],
        },
        "service": "s",
        "Beat": [1.0, 2.0],
    }
    cloud.invoke("t-work", ask={"print": json.dumps(line)})
    cloud.invoke("t-work", ask={"print": json.dumps({"_aws": 1})})
    assert _sum(cloud, "Beat") == 3


def test_upstream_still_leaves_printed_metrics_in_the_log(upstream):
    """Needless once upstream reads the embedded metric format."""
    upstream.function("prints", PRINTS)
    upstream.invoke("prints")
    assert _sum(upstream, "Beat") == 0


def _sum(cloud, name):
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Mine",
        MetricName=name,
        Dimensions=[{"Name": "service", "Value": "s"}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=3_600,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])
