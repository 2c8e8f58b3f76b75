"""Imports point one way, so that a reader knows where AWS, SSH and the environment can and cannot be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers" / "nightshift" / "nightshift"
SSH_LAYER = ROOT / "layers" / "ssh" / "nightshift_ssh"
FUNCTIONS = sorted((ROOT / "functions").glob("*/app.py"))
SDK = ("boto3", "botocore")


def imported(source: Path) -> Iterator[str]:
    """The full name of everything that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def offenders(sources: list[Path], *forbidden: str) -> list[str]:
    """The files that import something forbidden (a module or anything below it)."""
    return [
        f"{source.relative_to(ROOT)} imports {name}"
        for source in sources
        for name in imported(source)
        if any(name == one or name.startswith(f"{one}.") for one in forbidden)
    ]


def in_layer(*folders: str) -> list[Path]:
    """The layer's files below ``folders``; those at its top for no folder."""
    if not folders:
        return sorted(LAYER.glob("*.py"))
    return sorted(path for folder in folders for path in (LAYER / folder).rglob("*.py"))


def test_only_the_adapters_import_the_aws_sdk() -> None:
    """boto3 and botocore stand in ``nightshift/aws`` and nowhere else that is deployed."""
    outside = [*in_layer(), *in_layer("decisions", "remedies", "sources", "sweeps"), *FUNCTIONS]
    assert offenders(outside, *SDK) == []
    assert offenders(in_layer("aws"), *SDK) != []


def test_decisions_and_remedies_never_see_an_adapter() -> None:
    """They are pure: state and time in, a decision out."""
    assert offenders(in_layer("decisions", "remedies"), "nightshift.aws") == []


def test_adapters_never_decide() -> None:
    """An adapter imports no decision, no remedy and no sweep."""
    above = ("nightshift.decisions", "nightshift.remedies", "nightshift.sources", "nightshift.sweeps")
    assert offenders(in_layer("aws"), *above) == []


def test_only_sweeps_join_decisions_and_adapters_in_the_layer() -> None:
    """A sweep reads by adapters and asks decisions, as a function does; nothing below imports a sweep."""
    assert offenders(in_layer("sweeps"), "nightshift.aws", "nightshift.decisions") != []
    assert offenders([*in_layer(), *in_layer("decisions", "remedies")], "nightshift.sweeps") == []


def test_the_base_of_the_layer_knows_nothing_above_it() -> None:
    """Models, errors and the journal import neither adapters nor decisions."""
    assert offenders(in_layer(), "nightshift.aws", "nightshift.decisions", "nightshift.remedies") == []


@pytest.mark.parametrize("source", FUNCTIONS, ids=lambda path: path.parent.name)
def test_no_function_imports_another(source: Path) -> None:
    """Functions meet through events and the machine; nothing deployed imports tools or tests."""
    assert offenders([source], "functions", "tools", "tests") == []


def test_nothing_deployed_imports_what_is_not() -> None:
    """The layer stands alone."""
    assert (
        offenders(
            in_layer() + in_layer("aws", "decisions", "remedies", "sweeps"), "functions", "tools", "tests"
        )
        == []
    )


def test_only_settings_read_the_environment() -> None:
    """``os.environ`` and ``os.getenv`` stand in ``settings.py`` alone."""
    deployed = [*LAYER.rglob("*.py"), *FUNCTIONS]
    readers = {path.name for path in deployed if "os" in set(imported(path))}
    assert readers == {"settings.py"}


def test_only_the_forge_layer_speaks_to_forges() -> None:
    """Their clients bring requests and cryptography: no other function's start pays for them."""
    forge = sorted((ROOT / "layers" / "forge").rglob("*.py"))
    outside = [*LAYER.rglob("*.py"), *FUNCTIONS]
    assert offenders(outside, "github", "gitlab", "requests") == []
    assert offenders(forge, "github", "gitlab") != []
    assert offenders(forge, *SDK, "os", "nightshift.aws", "nightshift.decisions", "functions") == []


def test_only_the_ssh_layer_speaks_ssh() -> None:
    """Paramiko is slow to import and stands in ``nightshift_ssh`` alone; asyncssh is not deployed at all."""
    ssh = sorted(SSH_LAYER.rglob("*.py"))
    assert offenders([*LAYER.rglob("*.py"), *FUNCTIONS], "paramiko", "asyncssh") == []
    assert offenders(ssh, "paramiko") != []
    assert offenders(ssh, "asyncssh") == []


def test_the_ssh_layer_knows_errors_and_the_clock_only() -> None:
    """It is a transport: it neither decides nor sees AWS, and can be used without either."""
    names = {name for source in sorted(SSH_LAYER.rglob("*.py")) for name in imported(source)}
    ours = {".".join(name.split(".")[:2]) for name in names if name.startswith("nightshift.")}
    assert ours <= {"nightshift.errors", "nightshift.clock"}
    assert not [name for name in names if name.split(".")[0] in {*SDK, "os", "functions", "tools", "tests"}]


def test_sources_of_the_policy_read_and_decide_nothing() -> None:
    """They see adapters and where they are; only ``adopt_policy`` imports them."""
    assert (
        offenders(in_layer("sources"), "nightshift.decisions", "nightshift.policy", "nightshift.sweeps") == []
    )
    readers = offenders([*LAYER.rglob("*.py"), *FUNCTIONS], "nightshift.sources")
    assert {one.partition(" ")[0] for one in readers if "/sources/" not in one} == {
        "functions/adopt_policy/app.py"
    }
