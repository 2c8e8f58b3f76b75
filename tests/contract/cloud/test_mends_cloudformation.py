"""Mends of CloudFormation and of the services that are served elsewhere."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

ITEM_TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": "probe",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    },
}


def upkeep(cloud, table):
    """The table's TTL status and its point-in-time recovery status."""
    dynamodb = cloud.client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"]
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return ttl, backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]


def test_tables_keep_ttl_and_point_in_time_recovery(cloud):
    """Both properties of the template hold on the table."""
    assert upkeep(cloud, cloud.outputs["Table"]) == ("ENABLED", "ENABLED")


def test_upstream_still_drops_ttl_and_recovery(upstream):
    """Needless once upstream's tables keep both."""
    upstream.deploy({"T": ITEM_TABLE})
    assert upkeep(upstream, "probe") == ("DISABLED", "DISABLED")


def schedules(cloud):
    rules = cloud.client("events").list_rules()["Rules"]
    return {rule["ScheduleExpression"] for rule in rules if rule.get("ScheduleExpression")}


def test_the_sam_transform_sees_parameter_values(cloud):
    """A schedule that SAM makes of a parameter has the value, not the default."""
    assert schedules(cloud) == {"rate(20 days)"}


SAM_NAMED = {
    "Type": "AWS::Serverless::Function",
    "Properties": {
        "FunctionName": "sam-probe",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "InlineCode": "def handler(event, context): pass",
        "AutoPublishAlias": {"Ref": "Alias"},
    },
}


def test_upstream_still_hides_parameter_values_from_sam(upstream):
    """Needless once upstream passes them: SAM resolves an alias' name while it transforms."""
    upstream.deploy({"F": SAM_NAMED}, Alias="chosen")
    aliases = upstream.client("lambda").list_aliases(FunctionName="sam-probe")["Aliases"]
    assert [alias["Name"] for alias in aliases] == ["default"]


def test_http_apis_route_by_their_body(cloud):
    """An HttpApi event of a function answers on its path, and only there."""
    base = f"{cloud.endpoint}/_aws/execute-api/{cloud.outputs['Api']}"
    request = urllib.request.Request(f"{base}/work", data=b"{}", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["said"] == "hello from the layer"
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"{base}/elsewhere", timeout=10)
    assert missing.value.code == 404


def test_upstream_still_ignores_the_body_of_http_apis(upstream):
    """Needless once upstream makes routes of an OpenAPI body."""
    body = {"openapi": "3.0.1", "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"uri": "u"}}}}}
    upstream.deploy({"A": {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": body}}})
    gateway = upstream.client("apigatewayv2")
    apis = [api["ApiId"] for api in gateway.get_apis()["Items"]]
    assert [gateway.get_routes(ApiId=api)["Items"] for api in apis] in ([[]], [])


@pytest.mark.parametrize("kind", ["AWS::SSM::Document", "AWS::CloudWatch::CompositeAlarm"])
def test_upstream_still_does_not_know_the_type(upstream, kind):
    """Needless once upstream's CloudFormation has the type."""
    from ministack.services.cloudformation import provisioners

    assert upstream.process.poll() is None
    assert kind not in provisioners._RESOURCE_HANDLERS


def test_fleet_actions_go_to_the_fleet_and_parameters_stay(cloud):
    """SendCommand reaches the fleet with its parameters; Parameter Store is the cloud's own."""
    ssm = cloud.client("ssm")
    answer = json.dumps({"Command": {"CommandId": "c-1", "Status": "Pending"}})
    cloud.fleet.answers["SendCommand"] = (200, "application/x-amz-json-1.1", answer)
    sent = ssm.send_command(InstanceIds=["i-1"], DocumentName="t-Restart", Parameters={"A": ["b"]})
    assert sent["Command"]["CommandId"] == "c-1"
    assert (
        "SendCommand",
        {"InstanceIds": ["i-1"], "DocumentName": "t-Restart", "Parameters": {"A": ["b"]}},
    ) in (cloud.fleet.seen)
    ssm.put_parameter(Name="/a", Value="1", Type="String")
    assert ssm.get_parameter(Name="/a")["Parameter"]["Value"] == "1"


def test_a_refusal_of_the_fleet_reaches_the_caller(cloud):
    """The fleet's error code is the SDK's error code."""
    refusal = json.dumps({"__type": "InvalidInstanceId", "message": "who?"})
    cloud.fleet.answers["SendCommand"] = (400, "application/x-amz-json-1.1", refusal)
    with pytest.raises(ClientError) as refused:
        cloud.client("ssm").send_command(InstanceIds=["i-9"], DocumentName="x")
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceId"


def test_auto_scaling_and_ec2_go_to_moto(cloud):
    """Both services are answered by moto, and its crash on an unknown instance is a refusal."""
    empty = (
        '<DescribeAutoScalingGroupsResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/">'
        "<DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult>"
        "</DescribeAutoScalingGroupsResponse>"
    )
    cloud.moto.answers["DescribeAutoScalingGroups"] = (200, "text/xml", empty)
    crash = (500, "text/html", "<!doctype html><html>oops</html>")
    cloud.moto.answers["TerminateInstanceInAutoScalingGroup"] = crash
    scaling = cloud.client("autoscaling")
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    with pytest.raises(ClientError) as refused:
        scaling.terminate_instance_in_auto_scaling_group(
            InstanceId="i-9", ShouldDecrementDesiredCapacity=False
        )
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    none = (
        '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet/>'
        "</DescribeInstancesResponse>"
    )
    cloud.moto.answers["DescribeInstances"] = (200, "text/xml", none)
    assert cloud.client("ec2").describe_instances()["Reservations"] == []


def test_upstream_still_runs_no_commands_and_replaces_no_instances(upstream):
    """Needless once upstream can do what the local fleet needs."""
    with pytest.raises(ClientError) as commands:
        upstream.client("ssm").list_command_invocations()
    assert commands.value.response["Error"]["Code"] == "InvalidAction"
    with pytest.raises(ClientError) as scaling:
        upstream.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId="i-9", ShouldDecrementDesiredCapacity=False
        )
    assert scaling.value.response["Error"]["Code"] == "InvalidAction"
