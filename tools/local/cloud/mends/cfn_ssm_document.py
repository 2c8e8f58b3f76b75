"""`AWS::SSM::Document` and `AWS::CloudWatch::CompositeAlarm` in templates.

Upstream's CloudFormation knows neither. Documents go to the local fleet, which runs them.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tools.local.cloud.config import CloudConfig

Made = tuple[str, dict[str, Any]]


def apply(config: CloudConfig) -> None:
    """Register both resource types."""
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS["AWS::SSM::Document"] = _documents(config.fleet)
    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::CompositeAlarm"] = {
        "create": _put_composite,
        "update": lambda _id, _old, new, stack, logical_id=None: _put_composite(logical_id or _id, new, stack),
        "delete": _delete_composite,
    }


def _documents(fleet: str) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        name = str(properties.get("Name") or f"{stack}-{logical_id}")
        request = {
            "Name": name,
            "Content": _content(properties),
            "DocumentType": properties.get("DocumentType", "Command"),
            "DocumentFormat": properties.get("DocumentFormat", "JSON"),
        }
        try:
            _call(fleet, "CreateDocument", request)
        except FleetRefused as refused:
            # The fleet outlives a cloud that lost its state in a crash: then the name is known.
            if refused.code != "DocumentAlreadyExists":
                raise
            _update(fleet, name, properties)
        return name, {}

    def update(
        physical_id: str, _old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str | None = None
    ) -> Made:
        name = str(new.get("Name") or physical_id)
        if name != physical_id:
            made = create(logical_id or physical_id, new, stack)
            delete(physical_id, new)
            return made
        _update(fleet, name, new)
        return name, {}

    def delete(physical_id: str, _properties: dict[str, Any]) -> None:
        try:
            _call(fleet, "DeleteDocument", {"Name": physical_id})
        except FleetRefused as refused:
            if refused.code != "InvalidDocument":
                raise

    return {"create": create, "update": update, "delete": delete}


class FleetRefused(ValueError):
    """The fleet's refusal; `code` is the AWS error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def _update(fleet: str, name: str, properties: dict[str, Any]) -> None:
    request = {
        "Name": name,
        "Content": _content(properties),
        "DocumentVersion": "$LATEST",
        "DocumentFormat": properties.get("DocumentFormat", "JSON"),
    }
    try:
        _call(fleet, "UpdateDocument", request)
    except FleetRefused as refused:
        if refused.code != "DuplicateDocumentContent":
            raise


def _content(properties: dict[str, Any]) -> str:
    content = properties.get("Content", {})
    return content if isinstance(content, str) else json.dumps(content)


def _call(fleet: str, action: str, request: dict[str, Any]) -> dict[str, Any]:
    sent = urllib.request.Request(
        f"{fleet}/",
        data=json.dumps(request).encode(),
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AmazonSSM.{action}"},
    )
    try:
        with urllib.request.urlopen(sent, timeout=30) as answer:
            return dict(json.loads(answer.read() or b"{}"))
    except urllib.error.HTTPError as error:
        body = json.loads(error.read() or b"{}")
        code = str(body.get("__type", "InternalServerError")).rpartition("#")[2]
        raise FleetRefused(code, str(body.get("message") or body.get("Message", ""))) from error
    except urllib.error.URLError as error:
        raise FleetRefused("ServiceUnavailable", f"{fleet} did not answer: {error.reason}") from error


def _put_composite(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    from ministack.services import cloudwatch

    name = str(properties.get("AlarmName") or f"{stack}-{logical_id}")
    status, _headers, body = cloudwatch._put_composite_alarm(
        {}, {**properties, "AlarmName": name}, False, True
    )
    if status != 200:
        raise ValueError(f"composite alarm {name}: {body!r}")
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _delete_composite(physical_id: str, _properties: dict[str, Any]) -> None:
    from ministack.services import cloudwatch

    cloudwatch._delete_alarms({}, {"AlarmNames": [physical_id]}, False, True)
