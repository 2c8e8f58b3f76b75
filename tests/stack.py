"""``template.yaml``, resolved as one stack: the only source of tables, grants, variables and rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any

import yaml

from tests.samples import ROOT

ACCOUNT, REGION, NAME = "123456789012", "us-east-1", "nightshift"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": NAME,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
ARNS = {
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "arn:aws:events:{region}:{account}:event-bus/{name}",
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::Serverless::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Serverless::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}
REF_IS_ARN = {"AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::Serverless::StateMachine"}
OWN_NAME = ("TableName", "FunctionName", "BucketName", "QueueName", "TopicName", "Name", "LogGroupName")
TABLE_KEYS = (
    "AttributeDefinitions",
    "KeySchema",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "LocalSecondaryIndexes",
)


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short intrinsic functions."""


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _intrinsic)


@dataclass(frozen=True)
class Function:
    """One function of the template: ``name`` is its folder's name."""

    name: str
    logical_id: str
    properties: Mapping[str, Any]
    environment: Mapping[str, str]
    statements: tuple[Mapping[str, Any], ...]

    def may(self, action: str, resource: str) -> bool:
        """Whether one of the function's statements grants ``action`` on ``resource``."""
        return any(
            fnmatchcase(resource, pattern)
            for granted, pattern in self.grants()
            if granted == action and (pattern == "*") == (resource == "*")
        )

    def grants(self) -> Iterator[tuple[str, str]]:
        """Every (action, resource pattern) that is granted."""
        for statement in self.statements:
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield action, resource


@dataclass(frozen=True)
class Rule:
    """One rule on a bus (``default`` or the stack's own) that starts a function."""

    function: str
    name: str
    bus: str
    pattern: Mapping[str, Any]


class Stack:
    """The whole template with every reference resolved."""

    def __init__(self) -> None:
        # The loader is a SafeLoader; its added constructor builds dicts, lists and strings only.
        text = (ROOT / "template.yaml").read_text()
        self.template: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506
        self.resources: dict[str, Any] = self.template["Resources"]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Every resource of a type, by logical id, with resolved properties."""
        return {
            logical_id: self.resolve(resource.get("Properties", {}))
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def tables(self) -> list[dict[str, Any]]:
        """What CreateTable takes for every table."""
        return [
            {"TableName": self.ref(logical_id), **{key: table[key] for key in TABLE_KEYS if key in table}}
            for logical_id, table in self.of_type("AWS::DynamoDB::Table").items()
        ]

    @cached_property
    def functions(self) -> dict[str, Function]:
        """Every function by the name of its folder."""
        common = self.resolve(self.template["Globals"]["Function"]["Environment"]["Variables"])
        found = {}
        for logical_id, properties in self.of_type("AWS::Serverless::Function").items():
            name = properties["CodeUri"].removeprefix("functions/")
            own = properties.get("Environment", {}).get("Variables", {})
            statements = [one for policy in properties["Policies"] for one in policy["Statement"]]
            variables = {key: str(value) for key, value in {**common, **own}.items()}
            found[name] = Function(name, logical_id, properties, variables, tuple(statements))
        return found

    def rules(self) -> list[Rule]:
        """Every rule that reaches a function, directly or by its queue."""
        found = []
        for name, function in self.functions.items():
            for event_name, event in function.properties.get("Events", {}).items():
                if event["Type"] == "EventBridgeRule":
                    bus = event["Properties"].get("EventBusName", "default")
                    found.append(Rule(name, event_name, bus, event["Properties"]["Pattern"]))
                if event["Type"] == "SQS":
                    found += self._queued(name, event["Properties"]["Queue"])
        return found

    def _queued(self, function: str, queue: str) -> list[Rule]:
        return [
            Rule(function, logical_id, rule.get("EventBusName", "default"), rule["EventPattern"])
            for logical_id, rule in self.of_type("AWS::Events::Rule").items()
            if any(target["Arn"] == queue for target in rule["Targets"])
        ]

    def ref(self, logical_id: str) -> str:
        """What ``!Ref`` gives: a parameter's default, or a resource's name (or ARN)."""
        if logical_id in PSEUDO:
            return PSEUDO[logical_id] or ""
        if logical_id in self.template["Parameters"]:
            return str(self.template["Parameters"][logical_id]["Default"])
        kind = self.resources[logical_id]["Type"]
        return self.arn(logical_id) if kind in REF_IS_ARN else self._name(logical_id)

    def arn(self, logical_id: str) -> str:
        """What ``!GetAtt X.Arn`` gives."""
        shape = ARNS[self.resources[logical_id]["Type"]]
        return shape.format(region=REGION, account=ACCOUNT, name=self._name(logical_id))

    def _name(self, logical_id: str) -> str:
        resource = self.resources[logical_id]
        properties = resource.get("Properties", {})
        given = next((properties[key] for key in OWN_NAME if key in properties), None)
        plain = f"{NAME}-{logical_id}"
        generated = plain.lower() if resource["Type"] == "AWS::S3::Bucket" else plain
        return str(self.resolve(given)) if given else generated

    def resolve(self, value: Any) -> Any:
        """``value`` with every intrinsic function replaced by what CloudFormation would put there."""
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in {"Ref", "Fn::If"}:
                return self.ref(argument) if name == "Ref" else self._chosen(*argument)
            if name == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda match: self._substitute(match[1]), argument)
            if name == "Fn::GetAtt":
                return self._attribute(*argument)
        return {key: self.resolve(inner) for key, inner in value.items()}

    def _chosen(self, condition: str, then: Any, otherwise: Any) -> Any:
        """One of two values; every condition there is says that a parameter is not empty."""
        ((negated,),) = self.template["Conditions"][condition].values()
        left, right = self.resolve(negated["Fn::Equals"])
        return self.resolve(then if left != right else otherwise)

    def _substitute(self, name: str) -> str:
        return self._attribute(*name.split(".", 1)) if "." in name else self.ref(name)

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute == "Arn":
            return self.arn(logical_id)
        if attribute in {"QueueName", "TopicName"}:
            return self._name(logical_id)
        raise KeyError(f"{logical_id}.{attribute} is not known here")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def stack() -> Stack:
    """The template, read once."""
    return Stack()


def state_machine(name: str = "heal") -> dict[str, Any]:
    """The definition of a state machine, with its substitutions still in it."""
    definition: dict[str, Any] = json.loads((ROOT / "statemachines" / f"{name}.asl.json").read_text())
    return definition
