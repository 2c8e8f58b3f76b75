"""Documents and associations in templates, `AWS::SSM::…`: made at the local fleet, which runs them.

Upstream's CloudFormation does not know the types.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tools.local.cloud.config import CloudConfig
from tools.local.cloud.fleet_calls import FleetRefused, call

Made = tuple[str, dict[str, Any]]


def apply(config: CloudConfig) -> None:
    """Register the types."""
    from ministack.services.cloudformation import provisioners

    documents = Documents(config.fleet)
    provisioners._RESOURCE_HANDLERS["AWS::SSM::Document"] = {
        "create": documents.create,
        "update": documents.update,
        "delete": documents.delete,
    }
    associations = Associations(config.fleet)
    provisioners._RESOURCE_HANDLERS["AWS::SSM::Association"] = {
        "create": associations.create,
        "update": associations.update,
        "delete": associations.delete,
    }


@dataclass(frozen=True)
class Documents:
    """CloudFormation's three operations, against the fleet at base URL `fleet`."""

    fleet: str

    def create(self, logical_id: str, properties: dict[str, Any], stack: str) -> Made:
        """Create the document; its name is the physical id."""
        name = str(properties.get("Name") or f"{stack}-{logical_id}")
        request = {**_body(name, properties), "DocumentType": properties.get("DocumentType", "Command")}
        try:
            call(self.fleet, "CreateDocument", request)
        except FleetRefused as refused:
            # The fleet may outlive a cloud that was killed with all its state: then it knows the name.
            if refused.code != "DocumentAlreadyExists":
                raise
            self._replace(name, properties)
        return name, {}

    def update(self, physical_id: str, _old: Any, new: dict[str, Any], stack: str) -> Made:
        """Give the document a new version, or a new document where the name changed."""
        name = str(new.get("Name") or physical_id)
        if name != physical_id:
            made = self.create(name, new, stack)
            self.delete(physical_id, new)
            return made
        self._replace(name, new)
        return name, {}

    def delete(self, physical_id: str, _properties: Any) -> None:
        """Delete the document; one that is gone already is fine."""
        try:
            call(self.fleet, "DeleteDocument", {"Name": physical_id})
        except FleetRefused as refused:
            if refused.code != "InvalidDocument":
                raise

    def _replace(self, name: str, properties: dict[str, Any]) -> None:
        try:
            call(self.fleet, "UpdateDocument", {**_body(name, properties), "DocumentVersion": "$LATEST"})
        except FleetRefused as refused:
            if refused.code != "DuplicateDocumentContent":
                raise


def _body(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    content = properties.get("Content", {})
    return {
        "Name": name,
        "Content": content if isinstance(content, str) else json.dumps(content),
        "DocumentFormat": properties.get("DocumentFormat", "JSON"),
    }


@dataclass(frozen=True)
class Associations:
    """CloudFormation's three operations, against the fleet at base URL `fleet`."""

    fleet: str

    def create(self, _logical_id: str, properties: dict[str, Any], _stack: str) -> Made:
        """Create the association; its id is the physical id."""
        made = call(self.fleet, "CreateAssociation", properties)
        return str(made["AssociationDescription"]["AssociationId"]), {}

    def update(self, physical_id: str, _old: Any, new: dict[str, Any], stack: str) -> Made:
        """A new one in its place, which every node runs."""
        made = self.create("", new, stack)
        self.delete(physical_id, new)
        return made

    def delete(self, physical_id: str, _properties: Any) -> None:
        """Delete the association; one that is gone already is fine."""
        try:
            call(self.fleet, "DeleteAssociation", {"AssociationId": physical_id})
        except FleetRefused as refused:
            if refused.code != "AssociationDoesNotExist":
                raise
