"""The document that runs a person's command: exactly its words, under every shell that is here."""

from __future__ import annotations

import base64
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.start_command.app import MOST_BYTES
from nightshift.fleet_command import MOST_SECONDS
from tests.samples import ROOT

CONTENT = yaml.safe_load((ROOT / "documents" / "run_command.yaml").read_text())
SHELLS = [shell for shell in ("sh", "dash", "bash --posix", "busybox sh") if shutil.which(shell.split()[0])]
PRINT_EACH = ("printf", "<%s>\\n")
words = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=5
)


def run(shell: str, *argv: str) -> subprocess.CompletedProcess[bytes]:
    """The document's script, as the agent starts it."""
    script = "\n".join(CONTENT["mainSteps"][0]["inputs"]["runCommand"])
    line = base64.b64encode(shlex.join(argv).encode()).decode()
    assert re.fullmatch(CONTENT["parameters"]["Argv"]["allowedPattern"], line)
    return subprocess.run(
        [*shell.split(), "-c", script],
        env={"PATH": os.environ["PATH"], "SSM_Argv": line, "LANG": "C.UTF-8"},
        input=b"not for the command",
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=25, deadline=None)
@given(arguments=words)
def test_every_argument_arrives_as_it_was_given(shell: str, arguments: list[str]) -> None:
    """Quotes, dollars, line breaks, semicolons: no shell reads them."""
    done = run(shell, *PRINT_EACH, "first", *arguments)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "".join(f"<{word}>\n" for word in ("first", *arguments))


@pytest.mark.parametrize("shell", SHELLS)
def test_status_and_streams_are_the_commands_own(shell: str) -> None:
    """Nothing is added, and nothing of the agent's input is handed on."""
    done = run(shell, "sh", "-c", "cat; echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_command_does_not_see_its_own_parameter(shell: str) -> None:
    """Its environment is the agent's."""
    assert b"SSM_" not in run(shell, "env").stdout


def test_every_parameter_is_closed_and_the_longest_command_fits() -> None:
    """Base64 of as much as start_command takes."""
    argv, seconds = CONTENT["parameters"]["Argv"], CONTENT["parameters"]["Seconds"]
    assert argv["interpolationType"] == "ENV_VAR"
    worst = base64.b64encode(b"x" * MOST_BYTES).decode()
    assert re.fullmatch(argv["allowedPattern"], worst)
    for text in ("1", "60", str(MOST_SECONDS)):
        assert re.fullmatch(seconds["allowedPattern"], text)
    for text in ("0", "601", "060", "5; reboot", ""):
        assert not re.fullmatch(seconds["allowedPattern"], text)
