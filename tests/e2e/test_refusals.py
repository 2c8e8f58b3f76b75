"""Bad input: refused with a stable code and the reason, kept, nothing acted on, nothing lost."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.conftest import ROOT, Stack, wait

pytestmark = pytest.mark.e2e


def put_event(stack: Stack, sample: str, **changes: str) -> None:
    """Send an event sample the way AWS does: on the default bus."""
    text = (ROOT / "events" / f"{sample}.json").read_text()
    for old, new in changes.items():
        text = text.replace(old, new)
    event = json.loads(text)
    entry = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": event["detail"],
        "Resources": event["resources"],
    }
    url = f"{stack.facts()['endpoint']}/_nightshift/aws-events"
    request = urllib.request.Request(url, data=json.dumps([entry]).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status < 300


def dead_letters(stack: Stack, of: str) -> list[str]:
    """What is in a function's dead-letter queue."""
    sqs = stack.client("sqs")
    urls = [url for url in sqs.list_queues()["QueueUrls"] if f"{of}DeadLetters" in url]
    assert len(urls) == 1, urls
    found = sqs.receive_message(QueueUrl=urls[0], MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in found.get("Messages", [])]


def commands(stack: Stack) -> int:
    """How many commands were ever sent to nodes."""
    return len(stack.client("ssm").list_commands()["Commands"])


@pytest.mark.parametrize(
    ("sample", "code"),
    [("alarm/unknown_shape", "event.unknown_shape"), ("alarm/no_subject", "signal.no_subject")],
)
def test_an_alarm_that_cannot_be_understood_is_kept(stack: Stack, sample: str, code: str) -> None:
    """It ends in the dead-letter queue of raise_signal with its code, and no incident is opened."""
    known, sent = stack.known(), commands(stack)
    put_event(stack, sample)
    wait(lambda: any(code in body for body in dead_letters(stack, "RaiseSignal")), 60, f"{code} in the DLQ")
    assert stack.known() == known
    assert commands(stack) == sent


def test_an_alarm_about_an_unknown_node_acts_on_nothing(stack: Stack) -> None:
    """The incident ends suppressed, and its journal says that the node is not in the inventory."""
    sample = json.loads((ROOT / "events" / "alarm" / "service_down.json").read_text())
    dimensions = sample["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"]
    stranger, known, sent = "i-00000000000000bad", stack.known(), commands(stack)
    put_event(stack, "alarm/service_down", **{dimensions["InstanceId"]: stranger})
    incident = stack.ended(stranger, known)
    assert incident["state"] == "suppressed"
    assert "not in the inventory" in incident["reason"]
    assert incident["levels"] == []
    assert commands(stack) == sent


def test_an_unsound_policy_is_refused_and_the_last_good_one_stays(stack: Stack) -> None:
    """A policy whose samples are coarser than its duration never comes into force."""
    functions, s3, outputs = stack.client("lambda"), stack.client("s3"), stack.facts()["outputs"]
    where = {"Bucket": outputs["ArtifactsBucket"], "Key": outputs["PolicyKey"]}
    good = s3.get_object(**where)["Body"].read()

    def adopt(body: bytes) -> dict[str, Any]:
        s3.put_object(**where, Body=body)
        answer = functions.invoke(FunctionName=outputs["AdoptPolicyFunction"], Payload=b"{}")
        return dict(json.load(answer["Payload"]))

    in_force = adopt(good)["policy_version"]
    refused = adopt(good.replace(b"resolution_seconds: 1", b"resolution_seconds: 60"))
    assert refused["code"] == "policy.invalid"
    assert "symptoms.service_down" in refused["reason"]
    assert refused["policy_version"] == in_force
    assert adopt(good)["policy_version"] == in_force


def test_a_document_parameter_outside_its_pattern_is_refused(stack: Stack) -> None:
    """Nothing is spliced into a shell: the command is refused before any node hears of it."""
    node, sent = stack.node("web-local-1"), commands(stack)
    parameters = {"StepId": ["by-hand"], "Fence": ["1"], "Service": ["web; rm -rf /"]}
    with pytest.raises(ClientError) as refused:
        stack.client("ssm").send_command(
            DocumentName="Nightshift-RestartService", InstanceIds=[node["id"]], Parameters=parameters
        )
    assert refused.value.response["Error"]["Code"] == "InvalidParameters"
    assert commands(stack) == sent


def test_a_pause_holds_until_it_is_lifted(stack: Stack) -> None:
    """While paused, a dead service stays dead and the incident says who paused; then it heals."""
    node, known = stack.node("web-local-1"), stack.known()
    assert stack.run("pause", "--why", "a test of the pause").returncode == 0
    try:
        os.kill(node["pid"], signal.SIGKILL)
        incident = wait(lambda: stack.incident(node["id"], after=known), 30, "an incident opens")
        wait(
            lambda: "a test of the pause" in " ".join(stack.run("why", incident["id"]).stdout.split()),
            30,
            "it waits on the pause",
        )
        assert stack.node("web-local-1")["pid"] is None
    finally:
        assert stack.run("resume", "--why", "the test is over").returncode == 0
    assert stack.ended(node["id"], known)["state"] == "healed"


def test_every_journal_verifies(stack: Stack) -> None:
    """The chains of everything that happened so far are whole."""
    checked = stack.run("journal", "verify")
    assert checked.returncode == 0, checked.stdout


def test_a_changed_journal_byte_is_found(stack: Stack) -> None:
    """Somebody edits an entry: verify names the incident and exits 1; restored, it is whole again."""
    table = stack.facts()["outputs"]["JournalTable"]
    dynamodb = stack.client("dynamodb")
    item = dynamodb.scan(TableName=table, Limit=1)["Items"][0]
    forged = {**item, "entry": {"S": item["entry"]["S"].replace('"actor":"', '"actor":"x', 1)}}
    dynamodb.put_item(TableName=table, Item=forged)
    try:
        checked = stack.run("journal", "verify")
        assert checked.returncode == 1
        assert item["chain"]["S"] in checked.stdout + checked.stderr
    finally:
        dynamodb.put_item(TableName=table, Item=item)
