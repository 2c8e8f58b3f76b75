"""Run one function on one sample event."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated

import typer

from tools.cli.errors import CliError
from tools.local.paths import ROOT

PANEL = "Act"
EVENTS = ROOT / "events"


def command(
    ctx: typer.Context,
    function: Annotated[
        str, typer.Argument(metavar="FN", help="A folder of functions/, such as raise_signal.")
    ],
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="A file below events/, such as alarm/cpu_sustained.")
    ],
) -> None:
    """Run one function on one sample event; prints log and result."""
    from tools.cli.connection import Connection

    _known_function(function)
    sample = _known_event(event)
    answer = Connection(ctx.obj).client("lambda").invoke(
        FunctionName=f"nightshift-{function}", Payload=sample.read_bytes(), LogType="Tail"
    )  # fmt: skip
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace").strip()
    if log:
        print(log)
        print("-" * 3)
    result = answer["Payload"].read().decode()
    try:
        print(json.dumps(json.loads(result), indent=2, ensure_ascii=False))
    except ValueError:
        print(result)
    if "FunctionError" in answer:
        raise CliError(f"{function} failed on {event}", "its log and its error stand above")


def _known_function(name: str) -> None:
    names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
    if name not in names:
        raise typer.BadParameter(f"no function '{name}'; there are {', '.join(names)}", param_hint="FN")


def _known_event(name: str) -> Path:
    path = EVENTS / f"{name.removesuffix('.json')}.json"
    if not path.is_file():
        names = sorted(str(each.relative_to(EVENTS).with_suffix("")) for each in EVENTS.rglob("*.json"))
        raise typer.BadParameter(f"no sample '{name}'; there are {', '.join(names)}", param_hint="EVENT")
    return path
