"""The policy as JSON Schema: for editors, and to know what each field means, defaults to and takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from nightshift.policy import Policy

DIALECT = "https://json-schema.org/draft/2020-12/schema"
OURS = ("looser", "says")  # policy_terms: nothing that an editor knows
Schema = Mapping[str, Any]


def exported() -> str:
    """The schema as editors take it, as JSON text (``nightshift.schema.json``)."""
    shown = {"$schema": DIALECT, **_without(_whole(), OURS), "title": "The policy of Nightshift"}
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def field(path: Sequence[str]) -> Schema | None:
    """What the schema says of the field at ``path``; None where no policy has one.

    A reference is resolved; what stands beside it (a description, a default) counts first.
    """
    return next(_at(_whole(), tuple(path)), None)


def fields() -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every field without fields of its own, by its path; ``*`` is a name that a person chooses."""
    yield from _below(_whole(), ())


def default(path: Sequence[str]) -> object:
    """What the field at ``path`` is when nobody says anything; raises LookupError where somebody must."""
    found = field(path)
    if found is None or "default" not in found:
        raise LookupError(".".join(path))
    return found["default"]


@cache
def _whole() -> Schema:
    schema = Policy.model_json_schema()
    # Any of the policy's limits, whose names the model itself does not know there.
    own = schema["$defs"]["Group"]["properties"]["healing"]
    own["$ref"] = "#/$defs/Healing"
    del own["additionalProperties"], own["type"]
    for part in schema["$defs"].values():
        for one in part.get("properties", {}).values():
            if "$ref" in one:
                one.pop("default", None)  # each field of a section has its own
            elif one.get("uniqueItems"):
                one["default"].sort()  # a set has no order, and a file must not change by itself
    return schema


def _choices(schema: Schema) -> Iterator[Schema]:
    """The schema itself with its reference resolved, and each schema that it may be instead."""
    if "$ref" in schema:
        target = _whole()["$defs"][schema["$ref"].rpartition("/")[2]]
        beside = {
            name: value for name, value in schema.items() if name not in {"$ref", "additionalProperties"}
        }
        schema = {**target, **beside}
    yield schema
    for choice in schema.get("anyOf", ()):
        yield from _choices(choice)


def _at(schema: Schema, path: tuple[str, ...]) -> Iterator[Schema]:
    for one in _choices(schema):
        if not path:
            yield one
            continue
        name, rest = path[0], path[1:]
        if name in one.get("properties", {}):
            yield from _at(one["properties"][name], rest)
        elif isinstance(named := _named(one), Mapping):
            yield from _at(named, rest)


def _named(schema: Schema) -> object:
    """What stands under names that a person chooses, if anything does."""
    patterns = schema.get("patternProperties")
    return next(iter(patterns.values())) if patterns else schema.get("additionalProperties")


def _below(schema: Schema, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """The fields below ``schema``, whose path is ``path``."""
    found = False
    for one in _choices(schema):
        for name, inner in one.get("properties", {}).items():
            found = True
            yield from _below(inner, (*path, name))
        if isinstance(named := _named(one), Mapping):
            found = True
            yield from _below(named, (*path, "*"))
    if not found:
        yield path, next(_choices(schema))


def _without(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_without(inner, names) for inner in value]
    if isinstance(value, dict):
        return {name: _without(inner, names) for name, inner in value.items() if name not in names}
    return value
