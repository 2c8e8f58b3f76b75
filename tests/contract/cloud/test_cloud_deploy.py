"""Packaging and deploying: the template on disk becomes a running stack, and says why it does not."""

from __future__ import annotations

import io
import json
import shutil
import zipfile

import pytest
from botocore.exceptions import ClientError

from tests.contract.cloud.conftest import PARAMETERS
from tests.contract.cloud.harness import HERE, wait_for
from tools.local.cloud.deploy import DeployFailed, deploy
from tools.local.cloud.package import PackageFailed, Packager, make_zip


def test_functions_run_from_their_zip_with_their_layer(cloud):
    """A function finds its layer's package and its environment's resolved references."""
    error, payload = cloud.invoke("t-work", id="deployed")
    assert error is None
    assert (payload["said"], payload["prefix"]) == ("hello from the layer", "t")
    assert cloud.item("deployed") == {"id": "deployed"}


def test_documents_carry_the_included_content(cloud):
    """An AWS::Include of a local file reaches the fleet as the document's content."""
    created = dict(cloud.fleet.seen)["CreateDocument"]
    assert created["Name"] == "t-Restart"
    content = json.loads(created["Content"])
    assert content["mainSteps"][0]["inputs"]["runCommand"] == ["echo ${HOME}"]


def test_queue_events_reach_the_function(cloud):
    """An SQS event source on a function is polled."""
    cloud.client("sqs").send_message(QueueUrl=cloud.outputs["Inbox"], MessageBody='{"id": "queued"}')
    assert cloud.item("queued") == {"id": "queued"}


def test_log_groups_keep_their_retention_and_get_the_log(cloud):
    """The function writes into the group that the template made."""
    cloud.invoke("t-work", id="logged")
    logs = cloud.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/t-work")["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [7]
    found = logs.filter_log_events(logGroupName="/aws/lambda/t-work")["events"]
    assert any(event["message"].startswith("asked") for event in found)


def test_tables_have_indexes_and_transactions(cloud):
    """A transaction with conditions writes all or nothing, and an index finds what was written."""
    dynamodb = cloud.client("dynamodb")
    table = cloud.outputs["Table"]
    put = {
        "TableName": table,
        "Item": {"id": {"S": "mine"}, "owner": {"S": "me"}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    other = {"TableName": table, "Item": {"id": {"S": "other"}}}
    dynamodb.transact_write_items(TransactItems=[{"Put": put}])
    with pytest.raises(ClientError) as refused:
        dynamodb.transact_write_items(TransactItems=[{"Put": other}, {"Put": put}])
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"id": {"S": "other"}})
    found = dynamodb.query(
        TableName=table,
        IndexName="by-owner",
        KeyConditionExpression="#o = :o",
        ExpressionAttributeNames={"#o": "owner"},
        ExpressionAttributeValues={":o": {"S": "me"}},
    )["Items"]
    assert [item["id"]["S"] for item in found] == ["mine"]


def test_calls_of_functions_are_recorded(cloud):
    """Every AWS call of a function stands in calls.jsonl with what IAM would check."""
    cloud.invoke("t-work", id="recorded")
    calls = [json.loads(line) for line in (cloud.home / "run" / "calls.jsonl").read_text().splitlines()]
    assert calls
    assert {call["app"] for call in calls} == {"t-work"}
    puts = [call for call in calls if call["action"] == "PutItem"]
    assert puts[-1]["service"] == "dynamodb"
    assert puts[-1]["iam"] == [["dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:000000000000:table/t-items"]]


def copy_of_template(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_a_changed_template_updates_the_stack(cloud, tmp_path):
    """A second deployment brings changed code, documents and machines, and keeps the data."""
    folder = copy_of_template(tmp_path)
    source = folder / "layers/shared/shared_code/__init__.py"
    source.write_text(source.read_text().replace("hello from", "greetings from"))
    document = folder / "documents/restart.yaml"
    document.write_text(document.read_text().replace("echo", "printf"))
    machine = folder / "machine.asl.json"
    machine.write_text(machine.read_text().replace("was not answered", "stayed open"))
    cloud.invoke("t-work", id="kept")
    outputs = deploy(cloud.endpoint, folder / "template.yaml", cloud.home, PARAMETERS)
    assert {**outputs, "WorkLayers": ""} == {**cloud.outputs, "WorkLayers": ""}
    assert cloud.invoke("t-work", id="again")[1]["said"] == "greetings from the layer"
    assert cloud.item("kept") == {"id": "kept"}
    assert "printf" in dict(cloud.fleet.seen)["UpdateDocument"]["Content"]
    described = cloud.client("stepfunctions").describe_state_machine(stateMachineArn=outputs["Machine"])
    assert "stayed open" in described["definition"]
    deploy(cloud.endpoint, HERE / "template.yaml", cloud.home, PARAMETERS)


def test_a_stack_that_cannot_be_made_names_the_resource_and_the_reason(cloud, tmp_path):
    """What the fleet refuses fails the deployment with its own words, and a later one succeeds."""
    template = tmp_path / "refused.yaml"
    document = {"Type": "AWS::SSM::Document", "Properties": {"Name": "bad", "Content": {}}}
    template.write_text(json.dumps({"Resources": {"Bad": document}}))
    refusal = json.dumps({"__type": "InvalidDocumentContent", "message": "no steps"})
    cloud.fleet.answers["CreateDocument"] = (400, "application/x-amz-json-1.1", refusal)
    try:
        with pytest.raises(DeployFailed) as failed:
            deploy(cloud.endpoint, template, tmp_path, {}, stack="refused")
    finally:
        cloud.fleet.answers.clear()
    assert "Bad: " in str(failed.value)
    assert "InvalidDocumentContent: no steps" in str(failed.value)
    assert deploy(cloud.endpoint, template, tmp_path, {}, stack="refused") == {}


def test_an_unknown_parameter_is_refused(cloud):
    """A parameter that the template does not have is no silent no-op."""
    with pytest.raises(DeployFailed):
        deploy(cloud.endpoint, HERE / "template.yaml", cloud.home, {**PARAMETERS, "Unknown": "x"})


def test_deleting_the_stack_deletes_its_documents(cloud, tmp_path):
    """The fleet is told when a document's stack goes."""
    template = tmp_path / "brief.yaml"
    document = {"Type": "AWS::SSM::Document", "Properties": {"Name": "brief", "Content": {"a": 1}}}
    template.write_text(json.dumps({"Resources": {"Brief": document}}))
    deploy(cloud.endpoint, template, tmp_path, {}, stack="brief")
    cloud.client("cloudformation").delete_stack(StackName="brief")
    wait_for(lambda: ("DeleteDocument", {"Name": "brief"}) in cloud.fleet.seen, "the document to go")


def packager(tmp_path, kept):
    return Packager(tmp_path, tmp_path / "build", "bucket", kept.__setitem__, print)


def test_packaging_is_reproducible_and_leaves_caches_out(tmp_path):
    """Equal content gives an equal zip, whatever its times, without byte code of the machine."""
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / f"{name}.pyc").write_text(name)
        (folder / "app.py").write_text("x = 1\n")
    first, second = make_zip([tmp_path / "one"]), make_zip([tmp_path / "two"])
    assert first == second
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["app.py"]


def test_what_is_missing_or_malformed_fails_before_anything_is_changed(tmp_path):
    """A path that does not exist and a definition that is no JSON are refused by name."""
    function = {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "functions/none"}}
    with pytest.raises(PackageFailed, match="functions/none"):
        packager(tmp_path, {}).package({"Resources": {"F": function}})
    (tmp_path / "bad.asl.json").write_text("{")
    machine = {"Type": "AWS::Serverless::StateMachine", "Properties": {"DefinitionUri": "bad.asl.json"}}
    with pytest.raises(PackageFailed, match=r"bad\.asl\.json is not JSON"):
        packager(tmp_path, {}).package({"Resources": {"M": machine}})
