"""Functions from a template keep their dead-letter queue and reserved concurrency.

Upstream drops both on create and update.
"""

from __future__ import annotations

from typing import Any

from tools.local.cloud.config import CloudConfig

_TYPE = "AWS::Lambda::Function"


def apply(_config: CloudConfig) -> None:
    """Wrap the function's create and update."""
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS[_TYPE]
    create, update = handlers["create"], handlers["update"]

    def create_function(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        _settle(made[0], properties)
        return made

    def update_function(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str, *rest: Any, **named: Any
    ) -> Any:
        made = update(physical_id, old, new, stack, *rest, **named)
        _settle(made[0], new)
        return made

    handlers.update(create=create_function, update=update_function)


def _settle(name: str, properties: dict[str, Any]) -> None:
    from ministack.services import lambda_svc

    function = lambda_svc._functions[name]
    function["config"]["DeadLetterConfig"] = properties.get("DeadLetterConfig") or {}
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
