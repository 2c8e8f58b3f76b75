"""The policy: is it sound?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Look"
group = typer.Typer(help="The operator's policy.", no_args_is_help=True)


@group.callback()
def _config() -> None:
    """A group of its own, although it has one command so far."""


@group.command("validate")
def validate(
    file: Annotated[
        Path, typer.Argument(help="The policy, like nightshift.yaml.", exists=True, dir_okay=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Say whether adopt_policy would take a policy, and if not, every reason with its line; exit 1 then."""
    from nightshift import policy, remedies
    from tools.cli import screen
    from tools.cli.errors import CliError

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not UTF-8 text: {error}", "save it as UTF-8") from error
    sound, problems = policy.check(text, remedies.names())
    if as_json:
        fields = ("line", "column", "path", "reason", "code")
        found = [{name: getattr(problem, name) for name in fields} for problem in problems]
        screen.print_json({"file": str(file), "sound": sound is not None, "problems": found})
    elif sound is not None:
        print(f"{file}: sound, {len(sound.groups)} groups, {len(sound.symptoms)} symptoms")
    else:
        for problem in problems:
            print(f"{file}:{problem.line}:{problem.column}: {problem.path}: {problem.reason}")
    if sound is None:
        raise typer.Exit(1)
