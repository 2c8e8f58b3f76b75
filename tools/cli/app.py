"""Puts the discovered commands together, and is the boundary where errors become messages."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from itertools import islice
from types import ModuleType
from typing import Annotated

import typer

from tools.cli import commands
from tools.cli.errors import DEBUG, explain
from tools.cli.target import Target

OK, FAILED = 0, 1  # usage errors exit with 2, by typer
WHERE = ("--endpoint", "--endpoint-url", "--profile", "--region", "--stack")


def discover() -> dict[str, ModuleType]:
    """The command modules by command name (``what_if.py`` is ``what-if``)."""
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
    return {name.replace("_", "-"): importlib.import_module(f"{commands.__name__}.{name}") for name in names}


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(
        name="nightshift",
        help="Ops automation that takes the night shift: watch it, understand it, stop it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, module in discover().items():
        if hasattr(module, "group"):
            app.add_typer(module.group, name=name, rich_help_panel=module.PANEL)
        else:
            app.command(name, rich_help_panel=module.PANEL)(module.command)
    return app


def _options(
    ctx: typer.Context,
    endpoint: Annotated[
        str,
        typer.Option(
            "--endpoint",
            "--endpoint-url",
            help="An AWS endpoint; by default the local stack while it is up.",
            show_default=False,
        ),
    ] = "",
    profile: Annotated[
        str, typer.Option(help="A profile of ~/.aws; speaks to AWS.", show_default=False)
    ] = "",
    region: Annotated[str, typer.Option(help="An AWS region; speaks to AWS.", show_default=False)] = "",
    stack: Annotated[str, typer.Option(help="The CloudFormation stack's name.")] = "nightshift",
) -> None:
    ctx.obj = Target(endpoint=endpoint, profile=profile, region=region, stack=stack)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns 0 ok, 1 failed, 2 usage. Whatever goes wrong, nobody reads a traceback."""
    try:
        build()(args=anywhere(sys.argv[1:] if arguments is None else arguments), prog_name="nightshift")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left; there is nobody to tell
        return OK
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        expected = explain(error)
        print(f"error: {expected.message}\n  next: {expected.next_step}", file=sys.stderr)
        return FAILED
    return OK


def anywhere(arguments: list[str]) -> list[str]:
    """The options that say which stack is meant in front, since aws takes them after the command, too."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for one in left:
        if one == "--":
            return [*front, *rest, one, *left]
        if one in WHERE:
            front += [one, *islice(left, 1)]
        elif one.partition("=")[0] in WHERE:
            front.append(one)
        else:
            rest.append(one)
    return [*front, *rest]
