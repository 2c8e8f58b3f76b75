"""DynamoDB tables from a template keep their TTL and point-in-time recovery.

Upstream ignores both properties on create and update.
"""

from __future__ import annotations

from typing import Any

from tools.local.cloud.config import CloudConfig

_TYPE = "AWS::DynamoDB::Table"


def apply(_config: CloudConfig) -> None:
    """Wrap the table's create and update."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def create_table(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        _settle(made[0], properties)
        return made

    def update_table(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, logical_id: str | None = None
    ) -> Any:
        made = update(physical_id, old, new, stack, logical_id)
        _settle(made[0], new)
        return made

    provisioners._RESOURCE_HANDLERS[_TYPE] = {**handlers, "create": create_table, "update": update_table}


def _settle(table: str, properties: dict[str, Any]) -> None:
    from ministack.services import dynamodb

    ttl = properties.get("TimeToLiveSpecification")
    if ttl:
        specification = {"AttributeName": ttl["AttributeName"], "Enabled": _is_true(ttl["Enabled"])}
        dynamodb._update_ttl({"TableName": table, "TimeToLiveSpecification": specification})
    recovery = properties.get("PointInTimeRecoverySpecification")
    if recovery:
        enabled = _is_true(recovery.get("PointInTimeRecoveryEnabled"))
        dynamodb._update_continuous_backups(
            {
                "TableName": table,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": enabled},
            }
        )


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"
