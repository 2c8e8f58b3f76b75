"""SSM documents of schema 2.2: stored by name with their versions, and turned into steps."""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import SsmError
from .parameters import Declaration, Values, declare, interpolate, variables

NAME = re.compile(r"[a-zA-Z0-9_.\-]{3,128}")
ACTION = "aws:runShellScript"
DEFAULT_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True)
class Document:
    """One version of a document.

    Attributes:
        steps: entries of `mainSteps`, not interpolated.
        text: the content as it was given; form is `JSON` or `YAML`.
    """

    name: str
    version: str
    text: str
    form: str
    description: str
    declarations: dict[str, Declaration]
    steps: list[dict[str, Any]]
    created: float = field(default_factory=time.time)

    @property
    def sha256(self) -> str:
        """Hash of the content, as SSM shows it."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def work(self, values: Values) -> list[dict[str, Any]]:
        """Steps as an agent gets them: every value in place, times in seconds."""
        return [self._step(raw, values) for raw in self.steps]

    def _step(self, raw: dict[str, Any], values: Values) -> dict[str, Any]:
        inputs = interpolate(raw.get("inputs", {}), values)
        lines = inputs.get("runCommand", [])
        timeout = inputs.get("timeoutSeconds") or DEFAULT_TIMEOUT_SECONDS
        return {
            "name": raw["name"],
            "script": "\n".join(lines) if isinstance(lines, list) else str(lines),
            "timeout": float(timeout),
            "directory": inputs.get("workingDirectory") or None,
            "on_failure": inputs.get("onFailure") or raw.get("onFailure"),
            "precondition": raw.get("precondition", {}),
            "environment": variables(self.declarations, values),
        }


def parse(name: str, text: str, form: str, version: str) -> Document:
    """Read a document's content.

    Raises:
        SsmError: InvalidDocumentContent, InvalidDocumentSchemaVersion.
    """
    try:
        content = yaml.safe_load(text) if form == "YAML" else json.loads(text)
    except (yaml.YAMLError, ValueError) as error:
        raise SsmError("InvalidDocumentContent", f"not {form}: {error}") from error
    if not isinstance(content, dict) or str(content.get("schemaVersion")) != "2.2":
        raise SsmError("InvalidDocumentSchemaVersion", "only schemaVersion 2.2 runs here")
    steps = content.get("mainSteps")
    if not isinstance(steps, list) or not steps:
        raise SsmError("InvalidDocumentContent", "mainSteps has to be a list of steps")
    for step in steps:
        if not isinstance(step, dict) or step.get("action") != ACTION or not step.get("name"):
            raise SsmError("InvalidDocumentContent", f"each step needs a name and action {ACTION}")
    declared = content.get("parameters") or {}
    return Document(
        name,
        version,
        text,
        form,
        str(content.get("description", "")),
        {key: declare(key, raw) for key, raw in declared.items()},
        steps,
    )


class DocumentStore:
    """Documents by name, every version kept; the newest is the default one.

    SSM keeps the old default on UpdateDocument until it is told otherwise; CloudFormation tells
    it at once, and CloudFormation is what updates documents here.
    """

    def __init__(self) -> None:
        self._documents: dict[str, list[Document]] = {}

    def create(self, name: str, text: str, form: str = "JSON") -> Document:
        """Store a new document.

        Raises:
            SsmError: DocumentAlreadyExists, InvalidDocument…
        """
        if not NAME.fullmatch(name):
            raise SsmError("ValidationException", f"unusable document name {name!r}")
        if name in self._documents:
            raise SsmError("DocumentAlreadyExists", f"document {name} exists")
        document = parse(name, text, form, "1")
        self._documents[name] = [document]
        return document

    def update(self, name: str, text: str, form: str = "JSON") -> Document:
        """Add a version.

        Raises:
            SsmError: InvalidDocument, DuplicateDocumentContent.
        """
        newest = self.find(name)
        if newest.text == text:
            raise SsmError("DuplicateDocumentContent", "the content is that of the newest version")
        document = parse(name, text, form, str(int(newest.version) + 1))
        self._documents[name].append(document)
        return document

    def delete(self, name: str) -> None:
        """Remove a document with all versions.

        Raises:
            SsmError: InvalidDocument.
        """
        self.find(name)
        del self._documents[name]

    def find(self, name: str, version: str | None = None) -> Document:
        """A document by name or ARN; the newest unless a version is named.

        Raises:
            SsmError: InvalidDocument, InvalidDocumentVersion.
        """
        versions = self._documents.get(name.rsplit("/", 1)[-1])
        if not versions:
            raise SsmError("InvalidDocument", f"document {name} does not exist")
        if version in (None, "", "$LATEST", "$DEFAULT"):
            return versions[-1]
        for document in versions:
            if document.version == version:
                return document
        raise SsmError("InvalidDocumentVersion", f"document {name} has no version {version}")

    def all(self) -> list[Document]:
        """The newest version of each document, by name."""
        return [versions[-1] for _, versions in sorted(self._documents.items())]
