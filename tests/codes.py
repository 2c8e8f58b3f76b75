"""Every error code of the code base, read from its syntax: who raises it, and what cannot be read."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.samples import ROOT

CODE = re.compile(r"[a-z_]+\.[a-z_]+")
TOPS = ("layers", "functions", "tools")


@dataclass
class Codes:
    """``where`` a code stands, and the constructions of errors whose code is not written there."""

    where: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unread: list[tuple[str, str]] = field(default_factory=list)


def walk(root: Path = ROOT) -> Codes:
    """Read every file that runs: in Lambda, on nodes' side, or on a laptop."""
    paths = [path for top in TOPS for path in sorted((root / top).rglob("*.py"))]
    trees = {str(path.relative_to(root)): ast.parse(path.read_text()) for path in paths}
    errors = set(_below("NightshiftError", trees)) | {"NightshiftError"}
    carriers = set(_carriers(trees))
    found = Codes()
    for name, tree in trees.items():
        for node in ast.walk(tree):
            for code in _said(node, errors, carriers):
                found.where[code].append(f"{name}:{node.lineno}")  # type: ignore[attr-defined]
            if isinstance(node, ast.Call) and _called(node) in errors and not list(_constants(node.args[:1])):
                found.unread.append((name, ast.unparse(node.args[0]) if node.args else ""))
    return found


def _said(node: ast.AST, errors: set[str], carriers: set[str]) -> Iterator[str]:
    """The codes that one construct says: an error's first argument, a carrier's any, or a default."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        yield from _constants(node.exc.args[:1])  # also of a class that stands in a variable
    elif isinstance(node, ast.Call) and _called(node) in errors:
        yield from _constants(node.args[:1])
    elif isinstance(node, ast.Call) and _called(node) in carriers:
        yield from _constants([*node.args, *(word.value for word in node.keywords if word.arg == "code")])
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "code":
        yield from _constants([node.value] if node.value else [])
    elif isinstance(node, ast.Assign) and any(_is(target, "CODE", "code") for target in node.targets):
        yield from _constants([node.value])


def _below(name: str, trees: dict[str, ast.Module]) -> Iterator[str]:
    """Every class below ``name``, in whatever file."""
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and any(_is(base, name) for base in node.bases):
                yield node.name
                yield from _below(node.name, trees)


def _carriers(trees: dict[str, ast.Module]) -> Iterator[str]:
    """What takes a code on its way to an error: classes with such a field, functions that are given one."""
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
                if any(_is(target, "code") for target in fields):
                    yield node.name
            taken = node.args if isinstance(node, ast.FunctionDef) and node.name != "__init__" else None
            if taken and any(one.arg == "code" for one in (*taken.args, *taken.kwonlyargs)):
                yield node.name


def _constants(values: list[ast.expr]) -> Iterator[str]:
    for value in values:
        for one in ast.walk(value):
            if isinstance(one, ast.Constant) and isinstance(one.value, str) and CODE.fullmatch(one.value):
                yield one.value


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", "") or getattr(node.func, "attr", "")


def _is(node: ast.AST, *names: str) -> bool:
    return (getattr(node, "id", "") or getattr(node, "attr", "")) in names
