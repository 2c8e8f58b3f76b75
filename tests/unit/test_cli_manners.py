"""The nightshift command's manners: JSON, exit codes, colours, completion, and never a traceback."""

from __future__ import annotations

import inspect
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from nightshift.errors import Refused
from tools.cli import app, connection
from tools.cli.connection import Connection
from tools.cli.errors import DEBUG, CliError, explain
from tools.cli.target import Target
from tools.local.paths import ROOT

COMMANDS = app.discover()
#: What is written for programs only, line by line.
LINES_OF_JSON = {"journal export"}


def every() -> Iterator[tuple[str, str, Callable[..., None]]]:
    """Each command with its panel: ``config show`` is one."""
    for name, module in COMMANDS.items():
        if hasattr(module, "group"):
            for one in module.group.registered_commands:
                yield f"{name} {one.name}", module.PANEL, one.callback
        else:
            yield name, module.PANEL, module.command


READING = {name: command for name, panel, command in every() if panel == "Look"}


@pytest.mark.parametrize("name", READING)
def test_every_reading_command_speaks_json(name: str) -> None:
    """What a person can read a program can, too."""
    if name in LINES_OF_JSON:
        return
    options = inspect.get_annotations(READING[name], eval_str=True)
    assert "as_json" in options, f"{name} has no --json"
    option = options["as_json"].__metadata__[0]
    assert "--json" in (option.default, *(option.param_decls or ()))


WRONG: dict[str, tuple[BaseException, str]] = {
    "a mistake of ours": (KeyError("no-such"), "nightshift itself has a mistake: KeyError: 'no-such'"),
    "no such file": (FileNotFoundError(2, "No such file or directory", "/a/b"), "/a/b: No such file"),
    "no right": (PermissionError(13, "Permission denied", "/a/b"), "/a/b: Permission denied"),
    "a program that failed": (subprocess.CalledProcessError(3, ["git"]), "returned non-zero exit status 3"),
    "a refusal": (Refused("policy.invalid", "no ladder"), "policy.invalid: no ladder"),
    "ours": (CliError("it is broken", "mend it"), "it is broken"),
    "recursion": (RecursionError("too deep"), "nightshift itself has a mistake: RecursionError: too deep"),
}


@pytest.mark.parametrize("case", WRONG)
def test_no_error_is_a_traceback(case: str, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """Whatever is raised inside a command: exit 1, one line that says what, one that says what next."""
    error, said = WRONG[case]

    def broken(_: Target) -> None:
        raise error

    monkeypatch.setattr(connection, "Connection", broken)
    assert app.main(["nodes"]) == 1
    told = capsys.readouterr()
    assert not told.out
    first, second = told.err.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert second.startswith("  next: ")
    assert "Traceback" not in told.err


def test_whoever_mends_the_command_gets_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable that the message names."""
    monkeypatch.setattr(connection, "Connection", lambda _: 1 / 0)
    assert DEBUG in explain(ZeroDivisionError()).next_step
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(ZeroDivisionError):
        app.main(["nodes"])


def test_a_table_of_another_version_is_explained() -> None:
    """Not as the model's own listing."""

    class Model(BaseModel):
        known: int

    with pytest.raises(ValidationError) as wrong:
        Model.model_validate({})
    told = explain(wrong.value)
    assert told.message == "what the stack holds is not what this command knows: Model: known"
    assert "make deploy" in told.next_step


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["nodes", "--region", "eu-1"], ["--region", "eu-1", "nodes"]),
        (["nodes", "--profile=ops", "--json"], ["--profile=ops", "nodes", "--json"]),
        (["why", "--endpoint-url", "http://x", "inc-1"], ["--endpoint-url", "http://x", "why", "inc-1"]),
        (["--stack", "a", "nodes"], ["--stack", "a", "nodes"]),
        (["run", "--", "aws", "--region", "x"], ["run", "--", "aws", "--region", "x"]),
        (["nodes", "--region"], ["--region", "nodes"]),
        ([], []),
    ],
)
def test_the_stack_may_be_named_after_the_command_as_with_aws(given: list[str], meant: list[str]) -> None:
    """Not after ``--``: that belongs to somebody else's program."""
    assert app.anywhere(given) == meant


def test_an_option_without_its_value_is_wrong_usage(capsys: Any) -> None:
    """Exit 2."""
    assert app.main(["nodes", "--region"]) == 2
    assert "Error" in capsys.readouterr().err


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A person with credentials of an account, and no local stack."""
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setattr(connection, "_require_listening", lambda _: None)


@pytest.mark.usefixtures("account")
def test_an_endpoint_elsewhere_keeps_the_persons_credentials() -> None:
    """A VPC endpoint of AWS is asked as oneself, as with aws."""
    Connection(Target(endpoint="https://vpce-1.dynamodb.eu-central-1.vpce.amazonaws.com"))
    assert os.environ["AWS_ACCESS_KEY_ID"] == "mine"
    assert os.environ["AWS_ENDPOINT_URL"].startswith("https://vpce-1")


@pytest.mark.usefixtures("account")
def test_an_endpoint_here_never_sees_the_persons_credentials() -> None:
    """The embedded cloud is asked with its own."""
    Connection(Target(endpoint="http://127.0.0.1:4566"))
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"


@pytest.mark.usefixtures("account")
def test_a_profile_and_a_region_are_taken_as_aws_takes_them() -> None:
    """Also together with an endpoint."""
    Connection(Target(endpoint="http://127.0.0.1:4566", profile="ops", region="eu-west-1"))
    assert (os.environ["AWS_PROFILE"], os.environ["AWS_REGION"]) == ("ops", "eu-west-1")
    assert os.environ["AWS_ACCESS_KEY_ID"] == "mine"


def shown(*arguments: str, **extra: str) -> str:
    """What a terminal of 80 columns is sent."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "COLUMNS": "80", **extra}
    command = [sys.executable, "-m", "tools.cli", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as run:
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65_536)
            except OSError:  # the terminal's other end is closed
                break
            if not part:
                break
            parts.append(part)
        run.wait()
    os.close(ours)
    return b"".join(parts).decode()


def test_a_terminal_gets_colours_unless_it_does_not_want_them() -> None:
    """By NO_COLOR, as https://no-color.org has it; both ask the same command."""
    colour = re.compile(r"\x1b\[(\d+;)*(3|4|9|10)\d")
    assert colour.search(shown("--help"))
    plain = shown("--help", NO_COLOR="1")
    assert "inspect" in plain
    assert not colour.search(plain)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell: str) -> None:
    """What ``nightshift --install-completion`` writes asks this way."""
    asked = {
        "bash": {"COMP_WORDS": "nightshift inc", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "nightshift inc"},
        "fish": {"_TYPER_COMPLETE_ARGS": "nightshift inc", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-m", "tools.cli"],
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), "_NIGHTSHIFT_COMPLETE": f"complete_{shell}", **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "incidents" in done.stdout, done.stderr
    assert "nodes" not in done.stdout
