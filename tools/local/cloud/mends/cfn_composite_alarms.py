"""`AWS::CloudWatch::CompositeAlarm` in templates: upstream has the alarms, not the type."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tools.local.cloud.config import CloudConfig

Made = tuple[str, dict[str, Any]]


def apply(_config: CloudConfig) -> None:
    """Register the type."""
    from ministack.services.cloudformation import provisioners

    provisioners._RESOURCE_HANDLERS["AWS::CloudWatch::CompositeAlarm"] = {
        "create": _create,
        "update": _update,
        "delete": _delete,
    }


def _create(logical_id: str, properties: dict[str, Any], stack: str) -> Made:
    return _put(str(properties.get("AlarmName") or f"{stack}-{logical_id}"), properties)


def _update(physical_id: str, _old: Any, new: dict[str, Any], _stack: str) -> Made:
    return _put(physical_id, new)


def _put(name: str, properties: dict[str, Any]) -> Made:
    from ministack.services import cloudwatch

    request = {**properties, "AlarmName": name}
    status, _headers, body = cloudwatch._put_composite_alarm({}, request, is_cbor=False, is_json=True)
    if status != HTTPStatus.OK:
        raise ValueError(f"composite alarm {name}: {body!r}")
    return name, {"Arn": cloudwatch._composite_alarms[name]["AlarmArn"]}


def _delete(physical_id: str, _properties: Any) -> None:
    from ministack.services import cloudwatch

    cloudwatch._delete_alarms({}, {"AlarmNames": [physical_id]}, is_cbor=False, is_json=True)
