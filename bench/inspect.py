"""A pass over simulated fleets: calls by service, time, memory and price, by the number of nodes.

The handlers are the real ones, under their own policies; AWS is moto in this process and a Run Command that
answers for every node. Calls and bytes are exact; seconds are this process's, moto included; memory is
Python's own peak during one handler (tracemalloc), not the size of the process.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from nightshift.aws import artifacts
from nightshift.passes import BATCH, report_key
from tests.functional import staging
from tests.functional.inspecting import begin, crowd, ended, printed, report
from tests.functional.world import World
from tests.stack import stack

SIZES = (100, 1_000, 10_000)
OUT = Path(__file__).parent / "out" / "inspect.json"
# US dollars in us-east-1 for each call; Systems Manager asks nothing for Run Command on EC2.
PRICES = {
    "dynamodb:Read": 0.125e-6,
    "dynamodb:Write": 0.625e-6,
    "s3:PutObject": 5e-6,
    "s3:GetObject": 0.4e-6,
    "lambda:Request": 0.2e-6,
}
MEBIBYTE = 2**20


def main() -> int:
    """Measure every size, print the table, write it as JSON; 1 when a pass misses the floor of calls."""
    logging.disable(logging.CRITICAL)  # a line a batch would hide the table
    rows = [measure(size) for size in SIZES]
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"name": "inspect", "rows": rows}, indent=2) + "\n")
    table = Table(title="One pass, every node healthy", title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        table.add_row(*(f"{value:,}" for value in row.values()))
    console = Console(width=180)
    console.print(table)
    console.print(f"written: {OUT}")
    return int(any(row["ssm_calls"] != row["floor"] for row in rows))


def measure(nodes: int) -> dict[str, Any]:
    """One pass over so many healthy nodes."""
    # The handlers print embedded metrics, a line a batch.
    with staging.made() as world, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        crowd(world, nodes)
        world.ssm.probes.answer = lambda _: ("Success", printed())
        world.calls.clear()
        began = time.perf_counter()
        begin(world)
        peaks = [_peak(lambda one=one: _collect(world, one)) for one in list(world.ssm.probes.sent)]
        made: dict[str, Any] = {}
        reporting = _peak(lambda: made.update(report(world)))
        seconds = time.perf_counter() - began
        html = artifacts.text(stack().ref("ArtifactsBucket"), report_key(made["pass_id"], "html"))
        sent = len(world.ssm.probes.sent)
        calls = Counter(call.action for call in world.calls)
    return {
        "nodes": nodes,
        "answered": made["answered"],
        "floor": 2 * -(-nodes // BATCH),
        "ssm_calls": sent + calls["ssm:ListCommandInvocations"] + calls["ssm:DescribeInstanceInformation"],
        "dynamodb_calls": sum(count for action, count in calls.items() if action.startswith("dynamodb")),
        "s3_calls": calls["s3:PutObject"] + calls["s3:GetObject"],
        "events": calls["events:PutEvents"],
        "invocations": 2 + sent,
        "usd_per_1000_passes": round(1000 * _price(calls, sent, nodes), 2),
        "seconds": round(seconds, 1),
        "collector_peak_mib": round(max(peaks) / MEBIBYTE, 1),
        "reporter_peak_mib": round(reporting / MEBIBYTE, 1),
        "page_mib": round(len(html) / MEBIBYTE, 1),
    }


def _collect(world: World, command_id: str) -> None:
    world.invoke("collect_metrics", ended(command_id))


def _peak(act: Callable[[], object]) -> int:
    """The most bytes that Python held at once during ``act``, above what it held before."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _price(calls: Counter[str], sent: int, nodes: int) -> float:
    """Requests only: Lambda's seconds depend on the account's memory settings and are left out."""
    writes = sum(
        count for action, count in calls.items() if action in ("dynamodb:PutItem", "dynamodb:UpdateItem")
    )
    reads = calls["dynamodb:GetItem"] + nodes + calls["dynamodb:Scan"] * 128  # a batch reads an item a node
    return (
        PRICES["dynamodb:Write"] * writes
        + PRICES["dynamodb:Read"] * reads
        + PRICES["s3:PutObject"] * calls["s3:PutObject"]
        + PRICES["s3:GetObject"] * calls["s3:GetObject"]
        + PRICES["lambda:Request"] * (2 + sent)
    )


if __name__ == "__main__":
    sys.exit(main())
