"""The docs say what is there: commands, files, error codes and the remedy that README shows."""

from __future__ import annotations

import re
import types
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from nightshift.remedies import Remedy, Target

ROOT = Path(__file__).resolve().parents[2]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_link_leads_to_a_file(document: Path) -> None:
    """Links inside the repository are relative and lead somewhere."""
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_make_target_exists(document: Path) -> None:
    """A command that the docs name can be typed."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^    |`|&& )make ([a-z-]+)", document.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_every_command_of_the_cli_exists() -> None:
    """So can a nightshift command."""
    commands = {path.stem.replace("_", "-") for path in (ROOT / "tools" / "cli" / "commands").glob("*.py")}
    text = "\n".join(document.read_text() for document in DOCS)
    named = set(re.findall(r"(?:bin/|`)nightshift (?:--region \S+ )?([a-z][a-z-]*)", text))
    assert named >= {"nodes", "incidents", "why", "pause"}
    assert named - commands == set()


def test_the_sample_that_readme_invokes_exists() -> None:
    """``make invoke`` works with the sample that README names."""
    (function, sample), *_ = re.findall(r"FN=(\w+) EVENT=([\w/]+)", (ROOT / "README.md").read_text())
    assert (ROOT / "functions" / function / "app.py").exists()
    assert (ROOT / "events" / f"{sample}.json").exists()


def test_the_remedy_that_readme_shows_is_a_remedy() -> None:
    """Copied into its file, it offers everything that a remedy must offer."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    module = types.ModuleType("reload_service")
    exec(compile(blocks[0], "README.md", "exec"), module.__dict__)  # noqa: S102 - our own README
    for name, kind in get_type_hints(Remedy).items():
        if get_args(kind) and isinstance(get_args(kind)[0], str):
            assert getattr(module, name) in get_args(kind)
        else:
            assert hasattr(module, name)
    assert module.__doc__
    assert module.parameters(Target("i-1", "web")) == {"Service": "web"}
