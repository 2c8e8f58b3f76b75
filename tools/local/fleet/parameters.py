"""Parameters of a document: declared, checked as SSM checks them, and put into a step."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import SsmError

PLACE = re.compile(r"{{\s*([A-Za-z0-9_.:-]+)\s*}}")
Values = dict[str, list[str]]


@dataclass(frozen=True)
class Declaration:
    """One declared parameter.

    Attributes:
        kind: `String` or `StringList`.
        default: None when a value is required.
        as_variable: interpolationType ENV_VAR: handed over as variable `SSM_<name>`.
    """

    name: str
    kind: str
    default: list[str] | None = None
    allowed_pattern: str | None = None
    allowed_values: list[str] = field(default_factory=list)
    min_chars: int | None = None
    max_chars: int | None = None
    max_items: int | None = None
    as_variable: bool = False


def declare(name: str, raw: Mapping[str, Any]) -> Declaration:
    """Read one entry of a document's `parameters`.

    Raises:
        SsmError: InvalidDocumentContent.
    """
    kind = raw.get("type")
    if kind not in ("String", "StringList"):
        raise SsmError("InvalidDocumentContent", f"parameter {name}: type {kind!r} is unknown here")
    default = raw.get("default")
    if default is not None:
        default = [str(one) for one in default] if isinstance(default, list) else [str(default)]
    return Declaration(
        name,
        kind,
        default,
        allowed_pattern=raw.get("allowedPattern"),
        allowed_values=[str(value) for value in raw.get("allowedValues", [])],
        min_chars=_number(raw.get("minChars")),
        max_chars=_number(raw.get("maxChars")),
        max_items=_number(raw.get("maxItems")),
        as_variable=raw.get("interpolationType") == "ENV_VAR",
    )


def _number(raw: Any) -> int | None:
    return None if raw is None else int(raw)


def resolve(declarations: Mapping[str, Declaration], given: Mapping[str, Any]) -> Values:
    """Check given values and add defaults.

    Raises:
        SsmError: InvalidParameters.
    """
    unknown = sorted(set(given) - set(declarations))
    if unknown:
        raise SsmError("InvalidParameters", f"unknown parameters: {', '.join(unknown)}")
    values: Values = {}
    for name, declared in declarations.items():
        raw = given.get(name, declared.default)
        if raw is None:
            raise SsmError("InvalidParameters", f"parameter {name} is required")
        values[name] = [str(one) for one in raw] if isinstance(raw, list) else [str(raw)]
        for fault in _faults(declared, values[name]):
            raise SsmError("InvalidParameters", f"parameter {name}: {fault}")
    return values


def _faults(declared: Declaration, values: list[str]) -> list[str]:
    faults = []
    if declared.kind == "String" and len(values) != 1:
        faults.append("a String takes one value")
    if declared.max_items is not None and len(values) > declared.max_items:
        faults.append(f"more than {declared.max_items} items")
    for value in values:
        if declared.allowed_values and value not in declared.allowed_values:
            faults.append(f"not one of {declared.allowed_values}")
        # As SSM does: the pattern is searched, so a document has to anchor it. Its `$` means the
        # end of the text, where Python's also stands before a last line break.
        pattern = declared.allowed_pattern
        if pattern and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), value):
            faults.append(f"does not match {pattern}")
        if declared.min_chars is not None and len(value) < declared.min_chars:
            faults.append(f"shorter than {declared.min_chars} characters")
        if declared.max_chars is not None and len(value) > declared.max_chars:
            faults.append(f"longer than {declared.max_chars} characters")
    return faults


def variables(declarations: Mapping[str, Declaration], values: Values) -> dict[str, str]:
    """The environment variables by which ENV_VAR parameters reach a script."""
    return {
        f"SSM_{name}": "\n".join(values[name])
        for name, declared in declarations.items()
        if declared.as_variable
    }


def interpolate(raw: Any, values: Values) -> Any:
    """Put values in place of `{{ Name }}` in a step's inputs.

    A text that is nothing but a StringList's place becomes the list itself; inside a list of
    lines the items are spliced in, as SSM does with `commands`.
    """
    if isinstance(raw, dict):
        return {key: interpolate(value, values) for key, value in raw.items()}
    if isinstance(raw, list):
        lines: list[Any] = []
        for one in raw:
            done = interpolate(one, values)
            lines.extend(done if isinstance(one, str) and isinstance(done, list) else [done])
        return lines
    if not isinstance(raw, str):
        return raw
    whole = PLACE.fullmatch(raw.strip())
    if whole and len(values.get(whole[1], [])) > 1:
        return values[whole[1]]
    return PLACE.sub(lambda place: " ".join(values.get(place[1], [place[0]])), raw)
