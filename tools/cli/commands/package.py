"""Build an app's package for four platforms from this one machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Deploy"
NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
VERSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})?")


def command(
    ctx: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="The app's name.", show_default=False)],
    version: Annotated[str, typer.Option(help="The commit's own by default.", show_default=False)] = "",
    source: Annotated[Path, typer.Option(help="A Git repository (its head) or a folder.")] = Path(),
    out: Annotated[Path, typer.Option(help="Where the packages go.")] = Path("dist"),
    python: Annotated[str, typer.Option(help="The Python that libraries are fetched for.")] = "3.12",
    upload: Annotated[bool, typer.Option(help="Also to the stack's artifact bucket.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs.")] = False,
) -> None:
    """Build an app's packages for Linux, macOS and Windows; the same commit gives the same bytes."""
    from tools.cli import screen
    from tools.cli.errors import CliError
    from tools.package.build import build
    from tools.package.platforms import PLATFORMS
    from tools.package.source import read

    if not NAME.fullmatch(app) or not VERSION.fullmatch(version):
        raise CliError(f"no app or version can be called {app!r} {version!r}", "letters, digits and dashes")
    known = read(source.resolve(), version)
    built = [build(app, known, platform, python) for platform in PLATFORMS]
    out.mkdir(parents=True, exist_ok=True)
    for package in built:
        (out / package.name).write_bytes(package.content)
    if upload:
        from tools.cli.connection import Connection

        connection = Connection(ctx.obj)
        bucket = connection.output("ArtifactsBucket")
        for package in built:
            key = f"packages/{app}/{known.version}/{package.name}"
            connection.client("s3").put_object(Bucket=bucket, Key=key, Body=package.content)
    told = [
        {"file": str(out / one.name), "sha256": one.sha256, "bytes": len(one.content), "uploaded": upload}
        for one in built
    ]
    if as_json:
        screen.print_json(told)
        return
    for one in told:
        print(f"{one['sha256']}  {one['file']}")
    print(f"{app} {known.version}: {len(built)} packages{', uploaded' if upload else ''}")
