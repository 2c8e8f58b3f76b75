"""The policy's JSON Schema: current, known to editors, and of one mind with the policy itself."""

from __future__ import annotations

import json
import re
from string import Formatter
from typing import get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from nightshift import policy, policy_schema, remedies
from nightshift.policy_terms import Looser
from tests.samples import ROOT

FILE = ROOT / "nightshift.schema.json"
FIELDS = {".".join(path): schema for path, schema in policy_schema.fields()}
SHIPPED = ("nightshift.yaml", "tools/local/policy.yaml")


def test_the_committed_schema_is_current() -> None:
    """Editors read the file; after a field of the policy has changed: make schema."""
    assert FILE.read_text() == policy_schema.exported(), "run: make schema"


def test_the_schema_is_itself_valid() -> None:
    """By the dialect that it names."""
    schema = json.loads(FILE.read_text())
    assert schema["$schema"] == policy_schema.DIALECT
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", SHIPPED)
def test_a_shipped_policy_names_its_schema_and_fits_it(path: str) -> None:
    """The first line is the comment that YAML language servers read."""
    text = (ROOT / path).read_text()
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
    assert named, "the first line must name the schema"
    assert ((ROOT / path).parent / named[1]).resolve() == FILE
    validator = Draft202012Validator(json.loads(FILE.read_text()))
    assert [error.message for error in validator.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("attempts: 3 ", "attempts: many "),
        ("attempts: 3 ", "attempts: 0 "),
        ("attempts: 3 ", "atempts: 3 "),
        ("app: web", "app: Web Shop"),
        ("auto_scaling_group: web-prod", "auto_scaling_group: web-prod\n    healing: { atempts: 3 }"),
    ],
)
def test_what_the_schema_refuses_the_policy_refuses_too(old: str, new: str) -> None:
    """An editor that marks a line is right, also inside a group's own limits."""
    text = (ROOT / "nightshift.yaml").read_text()
    assert old in text
    wrong = text.replace(old, new, 1)
    validator = Draft202012Validator(json.loads(FILE.read_text()))
    assert list(validator.iter_errors(yaml.safe_load(wrong)))
    assert policy.check(wrong, remedies.names())[1]


@pytest.mark.parametrize("path", FIELDS)
def test_every_field_says_what_it_is(path: str) -> None:
    """A description for editors, ``config explain`` and ``config diff``: ``Field(description=...)``."""
    assert FIELDS[path].get("description"), f"{path} has no description"


@pytest.mark.parametrize("path", [path for path, schema in FIELDS.items() if "looser" in schema])
def test_a_limit_can_be_said_in_words(path: str) -> None:
    """Its sentence names only fields beside it, and the direction that loosens it is one there is."""
    assert FIELDS[path]["looser"] in get_args(Looser)
    *above, _ = path.split(".")
    for _, name, _, _ in Formatter().parse(FIELDS[path].get("says", "")):
        assert not name or ".".join((*above, name)) in FIELDS
