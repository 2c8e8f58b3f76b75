"""Each field of the policy wrong in turn: the error stands at that field's line, and says what was expected.

The fields are those of the schema, so a new one is tried as soon as it is there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from nightshift import policy, policy_schema, remedies
from nightshift.policy_source import Problem
from tests.samples import ROOT

SAMPLE: dict[str, Any] = yaml.safe_load((ROOT / "nightshift.yaml").read_text())
FIELDS = {".".join(path): schema for path, schema in policy_schema.fields()}
MARK = "mark?!"
SAYING = ("should", "needs", "needed", "no ", "not ", "keep it")  # words that tell what was expected
WHOLE = (".traffic",)  # its one field chooses what the section is


def placed(pattern: str, document: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """The mapping that holds a field, made where there is none, its key, and its whole path."""
    place, path = document, []
    *above, last = pattern.split(".")
    for part in above:
        name = next(iter(place), "some") if part == "*" else part
        if not isinstance(place.get(name), dict):
            place[name] = {}
        place = place[name]
        path.append(name)
    key = "some" if last == "*" else last
    return place, key, ".".join((*path, key))


def wrong(pattern: str, value: object) -> tuple[list[str], list[Problem], str]:
    """The lines, all problems and the field's path when the field has ``value``."""
    document = copy.deepcopy(SAMPLE)
    place, key, path = placed(pattern, document)
    place[key] = value
    text = yaml.safe_dump(document, sort_keys=False, width=1_000)
    return text.splitlines(), policy.check(text, remedies.names())[1], path


def choices(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Everything that a value may be instead."""
    yield schema
    for choice in schema.get("anyOf", ()):
        yield from choices(choice)


def unlike(schema: Mapping[str, Any]) -> object:
    """A value of the wrong kind: text where numbers, lists or certain words are wanted, else a list."""
    narrow = {"pattern", "enum", "const", "format"}
    free = any(one.get("type") == "string" and not narrow & one.keys() for one in choices(schema))
    return [MARK] if free else MARK


def about(path: str, problems: list[Problem]) -> list[Problem]:
    """The problems at a path or inside it, or of what is judged as a whole."""
    parent = path.rpartition(".")[0]
    inside = [one for one in problems if one.path == path or one.path.startswith(f"{path}.")]
    return inside or [one for one in problems if one.path == parent and parent.endswith(WHOLE)]


@pytest.mark.parametrize("pattern", FIELDS)
def test_a_value_of_the_wrong_kind_is_told_at_its_own_line(pattern: str) -> None:
    """By the field's whole path, and with what it should be."""
    lines, problems, path = wrong(pattern, unlike(FIELDS[pattern]))
    mine = about(path, problems)
    assert mine, problems
    for one in mine:
        assert MARK in "\n".join(lines[one.line - 1 : one.line + 1])
        assert lines[one.line - 1][one.column - 1] != " "
        assert any(word in one.reason for word in ("should", "needs", "no ", "wanted", "not ", "keep it")), (
            one.reason
        )


RANGES = [
    (pattern, bound, schema[bound])
    for pattern, schema in FIELDS.items()
    for bound in ("minimum", "maximum")
    if bound in schema
]


@pytest.mark.parametrize(("pattern", "bound", "limit"), RANGES)
def test_a_number_out_of_range_is_told_with_the_limit(pattern: str, bound: str, limit: int) -> None:
    """Whoever wrote it reads what would have been right."""
    _, problems, path = wrong(pattern, limit - 1 if bound == "minimum" else limit + 1)
    assert [one for one in problems if one.path == path and str(limit) in one.reason], problems


def sections() -> set[str]:
    """Every mapping of known fields."""
    return {pattern.rpartition(".")[0] for pattern in FIELDS if not pattern.endswith("*")}


@pytest.mark.parametrize("section", sorted(sections()))
def test_a_key_that_is_not_known_is_told_where_it_stands(section: str) -> None:
    """A slip of the pen is not a setting that nobody reads."""
    lines, problems, path = wrong(f"{section}.surprise".removeprefix("."), "mark")
    (mine,) = about(path, problems)
    if mine.path == path:
        assert lines[mine.line - 1].strip() == "surprise: mark"
        assert mine.reason == "Extra inputs are not permitted"
    else:
        assert mine.path.endswith(WHOLE)


NEEDED = [
    pattern
    for pattern, schema in FIELDS.items()
    if "default" not in schema and "*" not in pattern.rpartition(".")[2] and ".traffic." not in pattern
]


@pytest.mark.parametrize("pattern", NEEDED)
def test_a_field_that_is_missing_is_told_by_its_name(pattern: str) -> None:
    """At what should have held it."""
    document = copy.deepcopy(SAMPLE)
    place, key, path = placed(pattern, document)
    place.pop(key, None)
    problems = policy.check(yaml.safe_dump(document), remedies.names())[1]
    assert (path, "Field required") in [(one.path, one.reason) for one in problems]


def test_what_may_be_one_of_two_kinds_is_one_problem() -> None:
    """A number of nodes, or a share: both are said in one line."""
    (found,) = wrong("healing.max_in_repair", "many")[1]
    assert "valid integer" in found.reason
    assert "pattern" in found.reason
