"""HTTP APIs whose routes stand in an OpenAPI body, as SAM writes them.

Upstream ignores the body of `AWS::ApiGatewayV2::Api`, so every route answers 404. The body is
expanded into integrations and routes before the stack is provisioned.
"""

from __future__ import annotations

import copy
from typing import Any

from tools.local.cloud.config import CloudConfig

_ANY = "x-amazon-apigateway-any-method"
_INTEGRATION = "x-amazon-apigateway-integration"


def apply(_config: CloudConfig) -> None:
    """Expand bodies after the other transforms."""
    from ministack.services.cloudformation import changesets, engine, handlers

    apply_transforms = engine._apply_transforms

    def transformed(template: Any, *args: Any) -> Any:
        done = apply_transforms(template, *args)
        if type(done) is not dict:  # a failed transform travels as its own kind of dict
            return done
        return expand(done)

    for module in (engine, changesets, handlers):
        module._apply_transforms = transformed


def expand(template: dict[str, Any]) -> dict[str, Any]:
    """The template with each HTTP API's body turned into integrations and routes."""
    if not any(_has_body(resource) for resource in template.get("Resources", {}).values()):
        return template
    template = copy.deepcopy(template)
    for name, resource in list(template["Resources"].items()):
        if not _has_body(resource):
            continue
        properties = resource["Properties"]
        body = properties.pop("Body")
        properties.setdefault("ProtocolType", "HTTP")
        properties.setdefault("Name", name)
        template["Resources"].update(_routes(name, body))
    return template


def _has_body(resource: Any) -> bool:
    return (
        isinstance(resource, dict)
        and resource.get("Type") == "AWS::ApiGatewayV2::Api"
        and isinstance(resource.get("Properties", {}).get("Body"), dict)
    )


def _routes(api: str, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for path, operations in (body.get("paths") or {}).items():
        for method, operation in operations.items():
            integration = isinstance(operation, dict) and operation.get(_INTEGRATION)
            if not integration:
                continue
            name = api + "".join(letter for letter in method + path if letter.isalnum())
            verb = "ANY" if method == _ANY else method.upper()
            made[f"{name}Integration"] = {
                "Type": "AWS::ApiGatewayV2::Integration",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "IntegrationType": "AWS_PROXY",
                    "IntegrationUri": integration["uri"],
                    "PayloadFormatVersion": integration.get("payloadFormatVersion", "2.0"),
                },
            }
            made[f"{name}Route"] = {
                "Type": "AWS::ApiGatewayV2::Route",
                "Properties": {
                    "ApiId": {"Ref": api},
                    "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
                    "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration"}]]},
                },
            }
    return made
