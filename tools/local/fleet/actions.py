"""The SSM actions that the fleet server speaks: each takes a request and gives an answer."""

from collections.abc import Callable, Mapping
from typing import Any

from .answers import command_answer, get_answer, invocation_answer
from .associations import Associations
from .commands import Commands
from .documents import Document, DocumentStore
from .errors import SsmError
from .registry import Node, Registry

Answer = dict[str, Any]
DEFAULT_PAGE, LARGEST_PAGE = 50, 50


class Actions:
    """SSM as far as a fleet needs it."""

    def __init__(
        self, documents: DocumentStore, registry: Registry, commands: Commands, associations: Associations
    ) -> None:
        self._documents = documents
        self._registry = registry
        self._commands = commands
        self._associations = associations

    def perform(self, action: str, request: dict[str, Any]) -> Answer:
        """Answer one request.

        Args:
            action: such as `SendCommand`.
            request: its parameters, as AWS JSON 1.1 carries them.

        Raises:
            SsmError: a refusal as SSM words it.
        """
        known: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "SendCommand": self._send_command,
            "ListCommands": self._list_commands,
            "ListCommandInvocations": self._list_invocations,
            "GetCommandInvocation": self._get_invocation,
            "CancelCommand": self._cancel,
            "DescribeInstanceInformation": self._describe_instances,
            "CreateDocument": self._create_document,
            "UpdateDocument": self._update_document,
            "UpdateDocumentDefaultVersion": self._default_version,
            "DeleteDocument": self._delete_document,
            "GetDocument": self._get_document,
            "DescribeDocument": self._describe_document,
            "ListDocuments": self._list_documents,
            "CreateAssociation": self._create_association,
            "DeleteAssociation": self._delete_association,
        }
        if action not in known:
            raise SsmError("UnknownOperationException", f"{action} is not served here")
        return known[action](request)

    def _send_command(self, request: dict[str, Any]) -> Answer:
        return {"Command": command_answer(self._commands.send(request))}

    def _list_commands(self, request: dict[str, Any]) -> Answer:
        wanted, node = request.get("CommandId"), request.get("InstanceId")
        commands = [
            one
            for one in reversed(self._commands.commands.values())
            if wanted in (None, one.id) and (node is None or node in one.invocations)
        ]
        return _page("Commands", [command_answer(one) for one in commands], request)

    def _list_invocations(self, request: dict[str, Any]) -> Answer:
        wanted, node = request.get("CommandId"), request.get("InstanceId")
        details = bool(request.get("Details"))
        commands = (
            [self._commands.find(wanted)] if wanted else list(reversed(self._commands.commands.values()))
        )
        found = [
            invocation_answer(command, invocation, details=details)
            for command in commands
            for invocation in command.invocations.values()
            if node in (None, invocation.node_id)
        ]
        return _page("CommandInvocations", found, request)

    def _get_invocation(self, request: dict[str, Any]) -> Answer:
        command = self._commands.find(str(request.get("CommandId", "")))
        invocation = command.invocations.get(str(request.get("InstanceId", "")))
        if invocation is None:
            raise SsmError("InvocationDoesNotExist", "the command was not sent to this instance")
        return get_answer(command, invocation, request.get("PluginName"))

    def _cancel(self, request: dict[str, Any]) -> Answer:
        self._commands.cancel(str(request.get("CommandId", "")), request.get("InstanceIds") or [])
        return {}

    def _describe_instances(self, request: dict[str, Any]) -> Answer:
        conditions = [(one["Key"], one["Values"]) for one in request.get("Filters") or []]
        conditions += [
            (one["key"], one["valueSet"]) for one in request.get("InstanceInformationFilterList") or []
        ]
        found = [
            _instance(node)
            for node in self._registry.manageable().values()
            if all(_fits(node, key, values) for key, values in conditions)
        ]
        return _page("InstanceInformationList", found, request)

    def _create_document(self, request: dict[str, Any]) -> Answer:
        document = self._documents.create(
            str(request.get("Name", "")),
            str(request.get("Content", "")),
            str(request.get("DocumentFormat") or "JSON"),
        )
        return {"DocumentDescription": _described(document)}

    def _update_document(self, request: dict[str, Any]) -> Answer:
        document = self._documents.update(
            str(request.get("Name", "")),
            str(request.get("Content", "")),
            str(request.get("DocumentFormat") or "JSON"),
        )
        return {"DocumentDescription": _described(document)}

    def _create_association(self, request: dict[str, Any]) -> Answer:
        made = self._associations.create(request, list(self._registry.manageable().values()))
        return {"AssociationDescription": {"AssociationId": made.id, "Name": request["Name"]}}

    def _delete_association(self, request: dict[str, Any]) -> Answer:
        self._associations.delete(str(request.get("AssociationId", "")))
        return {}

    def _default_version(self, request: dict[str, Any]) -> Answer:
        document = self._documents.find(str(request.get("Name", "")), str(request.get("DocumentVersion", "")))
        return {"Description": {"Name": document.name, "DefaultVersion": document.version}}

    def _delete_document(self, request: dict[str, Any]) -> Answer:
        self._documents.delete(str(request.get("Name", "")))
        return {}

    def _get_document(self, request: dict[str, Any]) -> Answer:
        document = self._documents.find(str(request.get("Name", "")), request.get("DocumentVersion"))
        return {
            "Name": document.name,
            "DocumentVersion": document.version,
            "Status": "Active",
            "Content": document.text,
            "DocumentType": "Command",
            "DocumentFormat": document.form,
        }

    def _describe_document(self, request: dict[str, Any]) -> Answer:
        document = self._documents.find(str(request.get("Name", "")), request.get("DocumentVersion"))
        return {"Document": _described(document)}

    def _list_documents(self, request: dict[str, Any]) -> Answer:
        found = [
            {key: value for key, value in _described(one).items() if key in _LISTED}
            for one in self._documents.all()
        ]
        return _page("DocumentIdentifiers", found, request)


_LISTED = {
    "Name",
    "CreatedDate",
    "Owner",
    "PlatformTypes",
    "DocumentVersion",
    "DocumentType",
    "SchemaVersion",
    "DocumentFormat",
}


def _described(document: Document) -> Answer:
    parameters = []
    for one in document.declarations.values():
        entry: Answer = {"Name": one.name, "Type": one.kind}
        if one.default is not None:
            entry["DefaultValue"] = one.default[0] if one.kind == "String" else str(one.default)
        parameters.append(entry)
    return {
        "Name": document.name,
        "Hash": document.sha256,
        "HashType": "Sha256",
        "CreatedDate": document.created,
        "Status": "Active",
        "Owner": "000000000000",
        "DocumentVersion": document.version,
        "DefaultVersion": document.version,
        "LatestVersion": document.version,
        "Description": document.description,
        "Parameters": parameters,
        "PlatformTypes": ["Linux", "MacOS"],
        "DocumentType": "Command",
        "SchemaVersion": "2.2",
        "DocumentFormat": document.form,
    }


def _instance(node: Node) -> Answer:
    return {
        "InstanceId": node.id,
        "PingStatus": "Online" if node.online else "ConnectionLost",
        "LastPingDateTime": node.seen or 0.0,
        "AgentVersion": "3.3.2746.0",
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": "Nightshift local node",
        "PlatformVersion": "1",
        "ResourceType": "EC2Instance",
        "Name": node.facts.name,
        "IPAddress": "127.0.0.1",
        "ComputerName": node.facts.name,
        "RegistrationDate": node.registered or 0.0,
    }


def _fits(node: Node, key: str, values: list[str]) -> bool:
    facts = _instance(node) | {"InstanceIds": node.id}
    if key.startswith("tag:"):
        return node.tags.get(key.removeprefix("tag:")) in values
    if key in ("PlatformTypes", "PingStatus", "InstanceIds", "AgentVersion", "ResourceType"):
        return facts[key.removesuffix("s") if key == "PlatformTypes" else key] in values
    raise SsmError("InvalidInstanceInformationFilterValue", f"filter {key} is unknown here")


def _page(key: str, entries: list[Answer], request: Mapping[str, Any]) -> Answer:
    """One page; NextToken is the offset of the next."""
    token = str(request.get("NextToken") or "0")
    size = min(int(request.get("MaxResults") or DEFAULT_PAGE), LARGEST_PAGE)
    if not token.isdigit():
        raise SsmError("InvalidNextToken", "the token is not one of this server")
    start = int(token)
    answer: Answer = {key: entries[start : start + size]}
    if start + size < len(entries):
        answer["NextToken"] = str(start + size)
    return answer
