"""What IAM says to each call of a function: the permissions that it uses, and whether it has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.stack import ACCOUNT, REGION, Function

Parameters = Mapping[str, Any]
ITEM_ACTIONS = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Delete": "dynamodb:DeleteItem",
}
#: Actions that are not called as their operation.
ACTIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectsV2": "s3:ListBucket",
}
SECRET_SUFFIX = "-AbCdEf"
#: The prefix of a service's IAM actions, where it is not the one of its endpoint.
PREFIXES = {
    "appconfigdata": "appconfig",
    "auto-scaling": "autoscaling",
    "elastic-load-balancing-v2": "elasticloadbalancing",
    "eventbridge": "events",
    "secrets-manager": "secretsmanager",
    "sfn": "states",
}


class NotGranted(AssertionError):
    """A function made a call that its own policy in template.yaml does not allow."""


@dataclass(frozen=True)
class Call:
    """One use of one permission: ``resource`` is ``*`` for actions that know no resource."""

    function: str
    action: str
    resource: str


def uses(service: str, operation: str, parameters: Parameters) -> list[tuple[str, str]]:
    """The (action, resource) pairs that IAM would check for a call."""
    if service == "dynamodb":
        return _item_uses(operation, parameters)
    action = f"{PREFIXES.get(service, service)}:{operation}"
    action = ACTIONS.get(action, action)
    resources = RESOURCES.get(action)
    return [(action, resource) for resource in (resources(parameters) if resources else ["*"])]


def check(function: Function, service: str, operation: str, parameters: Parameters) -> list[Call]:
    """The permissions that a call uses; raises NotGranted for one that the function does not have."""
    used = uses(service, operation, parameters)
    for action, resource in used:
        if not function.may(action, resource):
            raise NotGranted(f"{function.name} may not {action} on {resource}")
    return [Call(function.name, action, resource) for action, resource in used]


def _item_uses(operation: str, parameters: Parameters) -> list[tuple[str, str]]:
    if operation in ("BatchGetItem", "BatchWriteItem"):
        return [(f"dynamodb:{operation}", _table({"TableName": name})) for name in parameters["RequestItems"]]
    if operation != "TransactWriteItems":
        return [(f"dynamodb:{operation}", _table(parameters))]
    return [
        (ITEM_ACTIONS[kind], _table(request))
        for item in parameters["TransactItems"]
        for kind, request in item.items()
    ]


def _table(parameters: Parameters) -> str:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{parameters['TableName']}"
    return f"{table}/index/{parameters['IndexName']}" if "IndexName" in parameters else table


def _alarms(names: list[str]) -> list[str]:
    return [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}" for name in names]


def _send_command(parameters: Parameters) -> list[str]:
    document = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{parameters['DocumentName']}"
    nodes = [f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/{node}" for node in parameters["InstanceIds"]]
    return [document, *nodes]


def _events(parameters: Parameters) -> list[str]:
    buses = {entry["EventBusName"] for entry in parameters["Entries"]}
    return [f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus}" for bus in sorted(buses)]


def _configuration(parameters: Parameters) -> str:
    """What a session reads; its token is this in tests, where AWS would give an opaque one."""
    place = (
        f"application/{parameters['ApplicationIdentifier']}"
        f"/environment/{parameters['EnvironmentIdentifier']}"
        f"/configuration/{parameters['ConfigurationProfileIdentifier']}"
    )
    return f"arn:aws:appconfig:{REGION}:{ACCOUNT}:{place}"


def _secret(asked: str) -> str:
    """IAM compares the whole ARN, which ends in six characters that the caller need not know."""
    return asked if asked.endswith(SECRET_SUFFIX) else f"{asked}{SECRET_SUFFIX}"


def _group(_: Parameters) -> list[str]:
    return [f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:autoScalingGroup:0f2a:autoScalingGroupName/web-prod"]


#: Actions that IAM checks on resources; all others are checked on ``*``.
RESOURCES: dict[str, Callable[[Parameters], list[str]]] = {
    "appconfig:StartConfigurationSession": lambda request: [_configuration(request)],
    "appconfig:GetLatestConfiguration": lambda request: [request["ConfigurationToken"]],
    "ssm:GetParameter": lambda request: [
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{request['Name'].removeprefix('/')}"
    ],
    "autoscaling:TerminateInstanceInAutoScalingGroup": _group,
    "cloudwatch:DeleteAlarms": lambda request: _alarms(request["AlarmNames"]),
    "cloudwatch:PutMetricAlarm": lambda request: _alarms([request["AlarmName"]]),
    "elasticloadbalancing:DeregisterTargets": lambda request: [request["TargetGroupArn"]],
    "elasticloadbalancing:ModifyRule": lambda request: [request["RuleArn"]],
    "elasticloadbalancing:RegisterTargets": lambda request: [request["TargetGroupArn"]],
    "events:PutEvents": _events,
    "s3:PutObject": lambda request: [f"arn:aws:s3:::{request['Bucket']}/{request['Key']}"],
    "lambda:InvokeFunction": lambda request: [
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{request['FunctionName']}"
    ],
    "s3:ListBucket": lambda request: [f"arn:aws:s3:::{request['Bucket']}"],
    "s3:GetObject": lambda request: [f"arn:aws:s3:::{request['Bucket']}/{request['Key']}"],
    "secretsmanager:GetSecretValue": lambda request: [_secret(request["SecretId"])],
    "sns:Publish": lambda request: [request["TopicArn"]],
    "sqs:SendMessage": lambda request: [
        f"arn:aws:sqs:{REGION}:{ACCOUNT}:{request['QueueUrl'].rpartition('/')[2]}"
    ],
    "ssm:GetDocument": lambda request: [f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/{request['Name']}"],
    "ssm:SendCommand": _send_command,
    "states:DescribeExecution": lambda request: [request["executionArn"]],
    "states:StartExecution": lambda request: [request["stateMachineArn"]],
}
