"""What another policy would change, in plain words, and which of it loosens a limit.

The words come from the fields' own descriptions (``policy_terms``), so a new field has them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from string import Formatter
from typing import Any

from nightshift import policy_schema
from nightshift.policy import Policy
from nightshift.policy_provenance import flat, leaves
from nightshift.policy_words import masked, said

Values = Mapping[str, Any]
SIZES = ("greater", "smaller")  # limits that are numbers, or shares of a group


@dataclass(frozen=True)
class Change:
    """One change: ``before`` and ``after`` are None where there is nothing; ``loosens`` a limit or not."""

    path: str
    before: Any
    after: Any
    words: str
    loosens: bool

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{'LOOSENED ' if self.loosens else ''}{self.path}: {self.words}"


def changes(before: Policy, after: Policy) -> list[Change]:
    """Everything that differs, in the order of ``after``, what is gone last."""
    own = {name for policy in (before, after) for name, group in policy.groups.items() if group.healing}
    old, new = _effective(before, own), _effective(after, own)
    found: dict[str, Change] = {}
    for path in (*new, *(path for path in old if path not in new)):
        if path in old and path in new:
            if old[path] != new[path]:
                found[path] = _changed(path, old, new)
        elif path in new and not _has_parts(path, old):
            top = _top(path, old)
            found.setdefault(top, _appeared(top, new))
        elif path in old and not _has_parts(path, new):
            top = _top(path, new)
            found.setdefault(top, _vanished(top, old))
    return list(found.values())


def summary(found: Sequence[Change]) -> str:
    """How many changes there are, and how many of them loosen a limit."""
    loosened = sum(change.loosens for change in found)
    if not found:
        return "nothing changes"
    loosen = "loosens" if loosened == 1 else "loosen"
    return (
        f"{len(found)} change{'' if len(found) == 1 else 's'}, {loosened or 'none'} of them {loosen} a limit"
    )


def _effective(policy: Policy, own: set[str]) -> dict[str, Any]:
    """Every value; of groups that want something else than the policy, what holds in them."""
    values = {
        path: value
        for path, value in leaves(policy).items()
        if not path.startswith("groups.") or path.split(".")[2:3] != ["healing"]
    }
    for name in own & policy.groups.keys():
        healing = policy.healing_of(name).model_dump(mode="json")
        values.update(flat(healing, ("groups", name, "healing")))
    return values


def _has_parts(path: str, values: Values) -> bool:
    """Whether ``path`` is no value there, but has values below it."""
    return any(one.startswith(f"{path}.") for one in values)


def _top(path: str, values: Values) -> str:
    """The highest part of ``path`` that is not there at all: ``groups.api`` for a group that is new."""
    parts = path.split(".")
    for count in range(1, len(parts)):
        top = ".".join(parts[:count])
        if values.get(top) is None and not _has_parts(top, values):
            return top
    return path


def _changed(path: str, old: Values, new: Values) -> Change:
    schema = policy_schema.field(path.split(".")) or {}
    before, after = old[path], new[path]
    looser = str(schema.get("looser", ""))
    loosens = _loosens(looser, before, after)
    sentence = str(schema.get("says", ""))
    if sentence:
        words = f"{_filled(sentence, path, new)} instead of {said(path, before)}"
        if looser in SIZES and _unit(before) != _unit(after):
            words += " (a share and a number: which is more depends on the group's size)"
    else:
        described = schema.get("description", "")
        words = f"{said(path, after)} instead of {said(path, before)}" + (
            f" ({described})" if described else ""
        )
    return Change(path, masked(before, path), masked(after, path), words, loosens)


def _appeared(path: str, new: Values) -> Change:
    parts = _parts(path, new)
    told = [
        f"{name} {said(f'{path}.{name}', one)}"
        for name, one in parts.items()
        if not _is_default(path, name, one)
    ]
    words = f"is new: {', '.join(told)}" if told else "is new"
    return Change(path, None, masked(parts or new.get(path), path), words, loosens=False)


def _vanished(path: str, old: Values) -> Change:
    schema = policy_schema.field(path.split(".")) or {}
    parts = _parts(path, old) or old.get(path)
    return Change(path, masked(parts, path), None, "is gone", loosens=schema.get("looser") == "fewer")


def _parts(path: str, values: Values) -> dict[str, Any]:
    start = f"{path}."
    return {one.removeprefix(start): value for one, value in values.items() if one.startswith(start)}


def _is_default(path: str, name: str, value: object) -> bool:
    try:
        return policy_schema.default([*path.split("."), *name.split(".")]) == value
    except LookupError:
        return False


def _filled(sentence: str, path: str, values: Values) -> str:
    """The sentence with the value at ``path`` for ``{}``, and for ``{name}`` the one beside it."""
    above = path.rpartition(".")[0]
    filled = []
    for text, name, _, _ in Formatter().parse(sentence):
        filled.append(text)
        if name is not None:
            where = f"{above}.{name}" if name else path
            filled.append(said(where, values[where]))
    return "".join(filled)


def _loosens(looser: str, before: Any, after: Any) -> bool:
    if looser in {"fewer", "more"}:
        gone, come = (before, after) if looser == "fewer" else (after, before)
        return any(one not in come for one in gone)
    if looser not in SIZES:
        return False
    if _unit(before) != _unit(after):
        return True  # nobody can tell, so somebody looks
    less, more = (before, after) if looser == "greater" else (after, before)
    return _size(more) > _size(less)


def _unit(value: Any) -> str:
    return "%" if str(value).endswith("%") else ""


def _size(value: Any) -> Decimal:
    return Decimal(str(int(value) if isinstance(value, bool) else value).removesuffix("%"))
