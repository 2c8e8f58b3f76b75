"""The policy: is it sound, and what may it say?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.incident import Capacity
    from nightshift.policy import Policy
    from tools.cli.connection import Connection

PANEL = "Look"
group = typer.Typer(help="The operator's policy.", no_args_is_help=True)


@group.command("validate")
def validate(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="The policy, like nightshift.yaml.", exists=True, dir_okay=False)
    ],
    live: Annotated[
        bool, typer.Option("--live", help="Also compare its limits with the groups as large as they are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Say whether adopt_policy would take a policy, and if not, every reason with its line; exit 1 then."""
    from nightshift import policy, policy_sizes, remedies
    from tools.cli import screen
    from tools.cli.connection import Connection
    from tools.cli.errors import CliError

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CliError(f"{file} is not UTF-8 text: {error}", "save it as UTF-8") from error
    sound, problems = policy.check(text, remedies.names())
    if live and sound is not None:
        problems = policy_sizes.check(text, sound, _sizes(Connection(ctx.obj), sound))
        sound = None if problems else sound
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


@group.command("schema")
def schema() -> None:
    """Print the policy's JSON Schema, as editors take it."""
    from nightshift import policy_schema

    print(policy_schema.exported(), end="")


def _sizes(connection: Connection, sound: Policy) -> dict[str, Capacity]:
    """The groups as Auto Scaling has them; one that it does not know is said, and judged when it comes."""
    from nightshift.incident import Capacity

    names = {group.auto_scaling_group: name for name, group in sound.groups.items()}
    pages = connection.client("autoscaling").get_paginator("describe_auto_scaling_groups")
    found = [group for page in pages.paginate() for group in page["AutoScalingGroups"]]
    sizes = {
        names[group["AutoScalingGroupName"]]: Capacity(
            desired=group["DesiredCapacity"], largest=group["MaxSize"]
        )
        for group in found
        if group["AutoScalingGroupName"] in names
    }
    for missing in sorted(set(names.values()) - set(sizes)):
        print(f"there is no Auto Scaling group for {missing} yet", file=sys.stderr)
    return sizes
