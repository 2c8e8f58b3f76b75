"""Where things stand in a policy's text: YAML read with the line and column of everything in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.error import Mark, MarkedYAMLError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.reader import ReaderError

MERGE = "tag:yaml.org,2002:merge"
MOST = 100_000  # values, with every alias written out: no policy is so large, and what reads it walks all


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with a policy: where it stands (counted from 1), the path there, and why.

    ``source`` says in which of several texts; it is empty where there is only one.
    """

    line: int
    column: int
    path: str
    reason: str
    code: str = "policy.invalid"
    source: str = ""

    def __str__(self) -> str:
        """As a person reads it."""
        where = f"{self.source}, " if self.source else ""
        return f"{where}line {self.line}, column {self.column}: {self.path}: {self.reason}"


class _Loader(yaml.SafeLoader):
    """Plain values only; says where a value stands that cannot be made (2026-99-99 is no date)."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's own
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, OverflowError) as error:
            raise ConstructorError(None, None, f"{error}", node.start_mark) from error


class Source:
    """A policy's text: its plain ``value``, and what is wrong with the text itself in ``problems``."""

    def __init__(self, text: str) -> None:
        self.value: Any = None
        self.problems: list[Problem] = []
        self._root: Node | None = None
        try:
            loader = _Loader(text)
            self._root = loader.get_single_node()
            if self._root is not None:
                _size(self._root, {})
                self.problems = list(_duplicates(self._root, (), set()))
                self.value = loader.construct_document(self._root)
        except (yaml.YAMLError, RecursionError) as error:
            self.problems = [_not_yaml(error, text)]

    def problem(self, place: Sequence[str | int], reason: str, code: str, kind: str = "") -> Problem:
        """``reason`` at ``place``, or at its nearest parent that is written.

        ``kind`` is pydantic's type of the error: a missing field keeps its name in the path although it
        stands nowhere, and of an unknown one its key is meant, not its value.
        """
        found, key, value = self._find(place)
        names = place if kind == "missing" else place[:found]
        mark = key if kind == "extra_forbidden" else value
        path = ".".join(map(str, names)) or "policy"
        return Problem(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, path, reason, code)

    def depth(self, place: Sequence[str | int]) -> int:
        """How many parts of ``place`` are written here."""
        return self._find(place)[0]

    def line(self, place: Sequence[str | int]) -> int:
        """The line of the last part of ``place`` that is written, counted from 1."""
        _, key, _ = self._find(place)
        return key.line + 1 if key else 1

    def _find(self, place: Sequence[str | int]) -> tuple[int, Mark | None, Mark | None]:
        """How much of ``place`` is written; where the last found key stands, and where its value does."""
        node, found = self._root, 0
        key = value = node.start_mark if node else None
        for part in place:
            child = _child(node, part)
            if child is None:
                break
            key, node = child
            # A mapping's value begins with its first key, lines below: a person looks for its own key.
            value = node.start_mark if isinstance(node, ScalarNode) else key
            found += 1
        return found, key, value


def _child(node: Node | None, part: str | int) -> tuple[Mark, Node] | None:
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: Node = node.value[part]
        return item.start_mark, item
    if isinstance(node, MappingNode):
        # The last one counts, as in YAML: merged keys come before a mapping's own.
        for key, value in reversed(node.value):
            if isinstance(key, ScalarNode) and key.value == str(part):
                return key.start_mark, value
    return None


def _size(node: Node, known: dict[int, int]) -> int:
    """How many values ``node`` is with every alias written out; raises for one that never ends."""
    if id(node) in known:
        if not known[id(node)]:
            raise ConstructorError(None, None, "it contains itself", node.start_mark)
        return known[id(node)]
    known[id(node)] = 0
    children: list[Node] = []
    if isinstance(node, SequenceNode):
        children = node.value
    elif isinstance(node, MappingNode):
        children = [one for pair in node.value for one in pair]
    size = 1 + sum(_size(child, known) for child in children)
    if size > MOST:
        raise ConstructorError(None, None, f"it is more than {MOST} values", node.start_mark)
    known[id(node)] = size
    return size


def _duplicates(node: Node, path: tuple[str, ...], seen: set[int]) -> Iterator[Problem]:
    """Keys that stand twice in one mapping: YAML would silently keep the last."""
    if id(node) in seen:  # an alias, perhaps of what contains it
        return
    seen.add(id(node))
    if isinstance(node, SequenceNode):
        for number, item in enumerate(node.value):
            yield from _duplicates(item, (*path, str(number)), seen)
    if not isinstance(node, MappingNode):
        return
    first: dict[tuple[str, str], Mark] = {}
    for key, value in node.value:
        here = path
        if isinstance(key, ScalarNode) and key.tag != MERGE:
            here, mark = (*path, key.value), key.start_mark
            before = first.setdefault((key.tag, key.value), mark)
            if before is not mark:
                reason = f"this key stands twice; the first is on line {before.line + 1}"
                yield Problem(mark.line + 1, mark.column + 1, ".".join(here), reason)
        yield from _duplicates(value, here, seen)


def _not_yaml(error: yaml.YAMLError | RecursionError, text: str) -> Problem:
    line, column, reason = 1, 1, "it is nested too deeply"
    if isinstance(error, MarkedYAMLError):
        reason = " ".join(" ".join(part for part in (error.context, error.problem) if part).split())
        mark = error.problem_mark or error.context_mark
        if mark:
            line, column = mark.line + 1, mark.column + 1
    elif isinstance(error, ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        reason = f"the character #x{ord(str(error.character)[0]):04x} is not allowed"
    return Problem(line, column, "policy", f"not YAML: {reason}", "policy.unreadable")
