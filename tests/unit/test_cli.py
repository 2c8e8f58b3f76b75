"""The nightshift command's surface: what is there, how it fails, how fast it answers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from nightshift.errors import Conflict, Refused
from nightshift.incident import State
from tools.cli import app
from tools.cli.commands import incidents
from tools.cli.errors import CliError, explain
from tools.local.paths import ROOT

COMMANDS = app.discover()


@pytest.fixture(autouse=True)
def nobody(monkeypatch, tmp_path):
    """No local stack, no AWS account: what a machine looks like on which nothing was set up."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(autouse=True)
def fresh_clients():
    from nightshift.aws import session

    session.client.cache_clear()
    session._session.cache_clear()


def test_the_commands_are_there():
    """Every command of the README is found by its file's name."""
    wanted = {
        "up",
        "down",
        "status",
        "demo",
        "nodes",
        "incidents",
        "why",
        "journal",
        "pause",
        "resume",
        "invoke",
    }
    assert wanted <= COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_explains_itself(name, capsys):
    """Each command has a heading in the help, a help of its own, and exits 0 for it."""
    assert COMMANDS[name].PANEL
    assert app.main([name, "--help"]) == 0
    assert "Usage: nightshift" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["nodes", "--no-such-option"],
        ["incidents", "--limit", "0"],
        ["incidents", "--state", "sleepy"],
        ["pause"],
        ["resume"],
        ["approve", "inc-1"],
        ["invoke", "no_such_function", "alarm/service_down"],
        ["invoke", "raise_signal", "alarm/no_such_sample"],
        ["invoke", "raise_signal", "../pyproject"],
    ],
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    """A wrong command line exits with 2 and says on standard error what was wrong."""
    assert app.main(arguments) == 2
    said = capsys.readouterr()
    assert "Error" in said.err
    assert not said.out


@pytest.mark.parametrize(
    "arguments", [["nodes"], ["incidents", "--json"], ["why", "inc-1"], ["resume", "--why", "x"]]
)
def test_without_a_stack_it_says_what_to_do(arguments, capsys):
    """With no stack and no account each command fails with 1, one error line and one next step."""
    assert app.main(arguments) == 1
    said = capsys.readouterr()
    assert not said.out
    error, next_step = said.err.splitlines()
    assert error.startswith("error: no local stack is running")
    assert next_step.startswith("  next: start the local stack: make up")


def test_status_without_a_stack_exits_with_1(capsys):
    """Nothing up is not an error to explain, but not a success either."""
    assert app.main(["status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"state": "down", "ended": {}}


def test_down_without_a_stack_is_content(capsys):
    """Stopping nothing succeeds and leaves no state folder."""
    assert app.main(["down"]) == 0
    assert "nothing was running" in capsys.readouterr().out
    assert not Path(os.environ["NIGHTSHIFT_HOME"]).exists()


def test_an_account_that_does_not_answer_is_no_traceback():
    """A dead endpoint is explained, with the way to find out more."""
    done = _run(["--endpoint", "http://127.0.0.1:9", "nodes"], {})
    assert done.returncode == 1
    assert "error: nobody answers at http://127.0.0.1:9" in done.stderr
    assert "next: see whether the stack is up" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_is_none(capsys):
    """What is no URL is refused before anything is asked of it."""
    assert app.main(["--endpoint", "localhost", "nodes"]) == 1
    assert "localhost is no endpoint" in capsys.readouterr().err


def test_explained_errors():
    """Refusals and conflicts keep their stable code, and say whether trying again can help."""
    refused = explain(Refused("policy.invalid", "a ladder is empty", where="symptoms.cpu"))
    assert refused is not None
    assert refused.message == "policy.invalid: a ladder is empty"
    assert "symptoms.cpu" in refused.next_step
    conflict = explain(Conflict("state.conflict", "another writer was first"))
    assert conflict is not None
    assert conflict.next_step == "try again in a moment"
    own = CliError("it is broken", "mend it")
    assert explain(own) is own


def test_the_states_of_incidents_are_those_of_the_layer():
    """The command's list, kept apart for a quick start, is the layer's."""
    assert set(get_args(State)) == set(incidents.STATES)


def test_help_is_quick_since_it_imports_nothing_slow():
    """--help needs no SDK, no model, no YAML, no HTTP: that is what keeps it below a third of a second."""
    slow = {"boto3", "botocore", "pydantic", "moto", "yaml", "urllib.request", "psutil", "nightshift"}
    code = (
        "import sys; from tools.cli.app import main; main(['--help']); "
        f"print(sorted({slow} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env=_environment({}),
    )
    assert done.stderr.strip() == "[]"


def test_the_wrapper_runs_from_anywhere(tmp_path):
    """bin/nightshift finds its checkout by itself, also through a link."""
    link = tmp_path / "nightshift"
    link.symlink_to(ROOT / "bin" / "nightshift")
    done = subprocess.run(
        [str(link), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env=_environment({"NIGHTSHIFT_PYTHON": sys.executable}),
    )
    assert "Usage: nightshift" in done.stdout


@pytest.mark.parametrize("name", ["NO_COLOR", "TERM"])
def test_no_colours_where_nobody_sees_them(name):
    """Output into a pipe holds no escape sequence, whatever the terminal is."""
    done = _run(["--help"], {name: "1" if name == "NO_COLOR" else "xterm-256color"})
    assert "\x1b[" not in done.stdout


def _run(arguments: list[str], extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=_environment(extra),
        timeout=60,
    )


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "NIGHTSHIFT_HOME")}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


def test_config_validate_says_sound(capsys):
    """The sample policy, by the file's own remedies; nothing needs to be up."""
    assert app.main(["config", "validate", str(ROOT / "nightshift.yaml")]) == 0
    assert "sound" in capsys.readouterr().out


def test_config_validate_says_file_line_and_column(tmp_path, capsys):
    """As compilers do, so that an editor jumps there; exit 1; the same as JSON."""
    broken = tmp_path / "policy.yaml"
    broken.write_text((ROOT / "nightshift.yaml").read_text().replace("attempts: 3 ", "attempts: many "))
    assert app.main(["config", "validate", str(broken)]) == 1
    (said,) = capsys.readouterr().out.splitlines()
    line = broken.read_text().split("attempts: many")[0].count("\n") + 1
    assert said.startswith(f"{broken}:{line}:13: healing.attempts: ")
    assert app.main(["config", "validate", "--json", str(broken)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["sound"] is False
    assert (found["problems"][0]["line"], found["problems"][0]["code"]) == (line, "policy.invalid")


def test_config_validate_of_what_is_no_text_is_explained(tmp_path, capsys):
    """An error and a next step; a file that is not there is wrong usage."""
    (tmp_path / "policy.yaml").write_bytes(b"\xff\xfe")
    assert app.main(["config", "validate", str(tmp_path / "policy.yaml")]) == 1
    assert "not UTF-8" in capsys.readouterr().err
    assert app.main(["config", "validate", str(tmp_path / "none.yaml")]) == 2
