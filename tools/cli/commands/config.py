"""The policy: what is in force and why, is another one sound, and what would it change?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL = "Look"
group = typer.Typer(help="The operator's policy.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(help="A policy, like nightshift.yaml.", exists=True, dir_okay=False)]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


@group.command("show")
def show(ctx: typer.Context, as_json: Json = False) -> None:
    """Print the policy in force as YAML, with every default; and what was refused since."""
    from tools.cli import policies, screen
    from tools.cli.connection import Connection

    found = policies.in_force(Connection(ctx.obj))
    if as_json:
        screen.print_json(found)
    else:
        policies.print_policy(found)


@group.command("explain")
def explain(
    ctx: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="Such as healing.attempts, or a section.")],
    as_json: Json = False,
) -> None:
    """Say which source has the last word about a value, where, and what the others say."""
    from tools.cli import policies, screen
    from tools.cli.connection import Connection

    found = policies.explained(Connection(ctx.obj), key)
    if as_json:
        screen.print_json(found)
    else:
        policies.print_explained(found)


@group.command("diff")
def diff(
    ctx: typer.Context,
    file: File,
    before: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="Compare with this file instead of the policy in force.",
            exists=True,
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say in plain words what a policy changes; exit 1 if it loosens a limit or is unsound."""
    from dataclasses import asdict

    from nightshift import policy_changes
    from tools.cli import policies, screen
    from tools.cli.connection import Connection

    wanted = policies.sound(file)
    known = policies.sound(before) if before else policies.current(Connection(ctx.obj))
    found = policy_changes.changes(known, wanted)
    if as_json:
        screen.print_json([asdict(change) for change in found])
    else:
        for change in found:
            print(change)
        print(policy_changes.summary(found))
    if any(change.loosens for change in found):
        raise typer.Exit(1)


@group.command("validate")
def validate(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="The policy, like nightshift.yaml; of several the first has the last word.",
            exists=True,
            dir_okay=False,
        ),
    ],
    live: Annotated[
        bool, typer.Option("--live", help="Also compare its limits with the groups as large as they are.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say whether adopt_policy would take a policy, and if not, every reason with its line; exit 1 then."""
    from tools.cli import policies, screen
    from tools.cli.connection import Connection

    layers = policies.read(files)
    sound, problems = policies.checked(layers)
    if live and sound is not None:
        problems = policies.unfit(Connection(ctx.obj), layers, sound)
    if as_json:
        fields = ("source", "line", "column", "path", "reason", "code")
        found = [{name: getattr(problem, name) for name in fields} for problem in problems]
        screen.print_json({"file": str(files[0]), "sound": not problems, "problems": found})
    elif sound is not None and not problems:
        names = " over ".join(map(str, files))
        print(f"{names}: sound, {len(sound.groups)} groups, {len(sound.symptoms)} symptoms")
    else:
        policies.print_problems(problems)
    if problems:
        raise typer.Exit(1)


@group.command("schema")
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="It is JSON anyway.")] = False,  # noqa: ARG001
) -> None:
    """Print the policy's JSON Schema, as editors take it."""
    from nightshift import policy_schema

    print(policy_schema.exported(), end="")
