"""500 nodes push every ten seconds to the embedded cloud: what they made, and what has arrived.

Three parts: sustained; the endpoint refuses while nodes go on measuring, and comes back; the reader of the
queue is switched off while nodes go on posting, and comes back. In the end every sample that a node made is a
row, or is counted as lost: rows are compared with samples by node and time. The stack is the local one, from
the same template, without nodes of its own; clients run in this process, on the same cores as all the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gzip
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from boto3.dynamodb.types import TypeSerializer
from rich.console import Console
from rich.table import Table

from bench.ingest_nodes import TAKEN, Fleet
from nightshift import clock
from nightshift.fleet import Node
from tools.local import stack
from tools.local.cloud.client import client

OUT = Path(__file__).parent / "out" / "ingest.json"
GROUP = "web-local"
QUIET = {"SweepSchedule": "rate(1 day)", "InspectionSchedule": "rate(1 day)", "PolicySchedule": "rate(1 day)"}
PATIENCE = 120.0
MEBIBYTE = 2**20
WORKERS = ("receive_samples", "ingest_metrics")
LINE = (
    '{"v":1,"at":"@AT@","cpu":3.5,"cores":2,"uptime":86400,"load":[0.21,0.18,0.12],"memory":{"total_kib":4005616,'
    '"available_kib":3105616},"facts":{"kernel":"6.1.0-28-cloud-amd64","arch":"x86_64","os":"debian-12",'
    '"packages":"d910ee40b054","installed":412},"disks":[{"mount":"/","size_kib":20509264,"used":20.4,"inodes":4.1,'
    '"read":0,"written":45056},{"mount":"/data","size_kib":102687672,"used":34.9,"inodes":0.8,"read":8192,'
    '"written":401408}],"failed":[],"nets":[{"name":"ens5","in":18211,"out":22310}],"top":[{"name":"python3",'
    '"pid":1893,"cpu":2.1,"rss_kib":81234},{"name":"nginx","pid":911,"cpu":0.4,"rss_kib":12021},{"name":"amazon-ssm-'
    'agen","pid":702,"cpu":0.2,"rss_kib":30122},{"name":"systemd","pid":1,"cpu":0.0,"rss_kib":12880},{"name":"sshd",'
    '"pid":820,"cpu":0.0,"rss_kib":9120}]}'
)


class Target:
    """The stack under test: its names, its queue, its rows, its workers."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.outputs, self.endpoint = record["outputs"], record["endpoint"]
        self.cloud = psutil.Process(record["pid"]["cloud"])
        sqs = self.client("sqs")
        self.queue = next(url for url in sqs.list_queues()["QueueUrls"] if "SamplesQueue" in url)
        self.letters = next(
            url for url in sqs.list_queues()["QueueUrls"] if "IngestMetricsDeadLetters" in url
        )

    def client(self, service: str) -> Any:
        """A client of the embedded cloud."""
        return client(service, self.endpoint)

    def enroll(self, count: int) -> tuple[str, ...]:
        """So many nodes in the inventory; none of them is a machine."""
        names, written = tuple(f"i-{number:017x}" for number in range(count)), TypeSerializer()
        for name in names:
            node = Node(
                node_id=name, name=name, app="web", group=GROUP, auto_scaling_group=GROUP,
                state="in_service", registered_at="2026-11-23T02:00:00.000Z",
            ).model_dump(mode="json", exclude_none=True)  # fmt: skip
            item = {key: written.serialize(value) for key, value in node.items()}
            self.client("dynamodb").put_item(TableName=self.outputs["NodesTable"], Item=item)
        return names

    def master(self) -> str:
        """What node keys are derived from."""
        secret = self.outputs["SamplesSecretArn"]
        return str(self.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])

    def depth(self, url: str = "") -> int:
        """Messages that wait or are being read."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url or self.queue, AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def reading(self, *, on: bool) -> None:
        """Switch the reader of the queue on or off."""
        lambda_ = self.client("lambda")
        (one,) = lambda_.list_event_source_mappings(FunctionName="nightshift-ingest_metrics")[
            "EventSourceMappings"
        ]
        lambda_.update_event_source_mapping(UUID=one["UUID"], Enabled=on)

    def rows(self) -> Iterator[tuple[dict[str, str], float]]:
        """Every row, with the time at which its object was stored."""
        s3, bucket = self.client("s3"), self.outputs["ArtifactsBucket"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="samples/"):
            for one in page.get("Contents", []):
                text = gzip.decompress(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())
                for row in text.splitlines():
                    yield json.loads(row), one["LastModified"].timestamp()

    def memory(self) -> dict[str, float]:
        """MiB held now: the cloud's own process, and the worker processes of each function together."""
        held = {"cloud": self.cloud.memory_info().rss}
        for process in self.cloud.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "").removeprefix("nightshift-")
                if name in WORKERS:
                    held[name] = held.get(name, 0) + process.memory_info().rss
        return {name: round(value / MEBIBYTE, 1) for name, value in held.items()}


def main() -> int:
    """Run the three parts; 1 when a sample was lost."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--nodes", type=int, default=500)
    ask.add_argument("--seconds", type=float, default=90.0, help="of the sustained part")
    ask.add_argument("--outage", type=float, default=60.0, help="seconds of each outage")
    options = ask.parse_args()
    with running() as target:
        rows, lost = asyncio.run(measure(target, options.nodes, options.seconds, options.outage))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"name": "ingest", "nodes": options.nodes, "rows": rows}, indent=2) + "\n")
    table = Table(title=f"{options.nodes} nodes, a sample every 10 s each", title_justify="left")
    table.add_column("")
    for row in rows:
        table.add_column(row["part"], justify="right")
    for name in list(rows[0])[1:]:
        table.add_row(name.replace("_", " "), *(str(row[name]) for row in rows))
    console = Console(width=140)
    console.print(table)
    console.print(f"written: {OUT}")
    return int(lost > 0)


@contextlib.contextmanager
def running() -> Iterator[Target]:
    """A stack of its own, in a folder of its own, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as place:
        os.environ.update(NIGHTSHIFT_HOME=place, NIGHTSHIFT_PORT=os.environ.get("NIGHTSHIFT_PORT", "24566"))
        record = stack.up(Console().print, nodes=False, parameters=QUIET)
        try:
            yield Target(record)
        finally:
            stack.down()


async def measure(
    target: Target, count: int, seconds: float, outage: float
) -> tuple[list[dict[str, Any]], int]:
    """The table's columns, and how many samples have no row."""
    fleet = Fleet(target.outputs["SamplesUrl"], target.master(), target.enroll(count), LINE)
    parts = [await _part("sustained", target, fleet, seconds, lambda _: None)]

    def refuse(what: str) -> None:
        fleet.up = what == "end"

    parts.append(await _part("endpoint down", target, fleet, outage, refuse))
    parts.append(
        await _part("reader off", target, fleet, outage, lambda what: target.reading(on=what == "end"))
    )
    found = list(target.rows())
    _count(parts, found)
    dead = target.depth(target.letters)
    for part in parts:
        part["dead_letters"] = dead
    return parts, sum(part["lost"] for part in parts)


async def _part(
    name: str, target: Target, fleet: Fleet, seconds: float, trouble: Callable[[str], None]
) -> dict[str, Any]:
    """Make trouble for so long, then let everything drain, and say how long that took."""
    before, posted = set(fleet.made), len(fleet.posts)
    await asyncio.to_thread(trouble, "begin")
    await fleet.run(seconds)
    spooled, queued = fleet.waiting, await asyncio.to_thread(target.depth)
    await asyncio.to_thread(trouble, "end")
    began = time.monotonic()
    await fleet.drain(PATIENCE)
    await asyncio.to_thread(_until_empty, target)
    drained = time.monotonic() - began
    posts = fleet.posts[posted:]
    good = sorted(one[1] for one in posts if one[2] == TAKEN) or [0.0]
    span = max(one[0] + one[1] for one in posts) - min(one[0] for one in posts)
    return {
        "part": name,
        "_made": fleet.made - before,
        "seconds": round(span, 1),
        "requests_taken": len(good),
        "requests_refused": dict(Counter(one[2] for one in posts if one[2] != TAKEN)),
        "requests_per_second": round(len(good) / span, 1),
        "post_p50_ms": round(1000 * statistics.median(good), 1),
        "post_p99_ms": round(1000 * good[int(len(good) * 0.99) - 1], 1),
        "post_max_ms": round(1000 * good[-1], 1),
        "spooled_at_its_end": spooled,
        "queued_at_its_end": queued,
        "drain_seconds": round(drained, 1),
        **{f"{worker}_mib": held for worker, held in (await asyncio.to_thread(target.memory)).items()},
    }


def _until_empty(target: Target) -> None:
    end = time.monotonic() + PATIENCE
    while target.depth() and time.monotonic() < end:
        time.sleep(0.2)


def _count(parts: list[dict[str, Any]], found: list[tuple[dict[str, str], float]]) -> None:
    """Samples against rows, by node and time; the lag of a row is from its measurement to its storage."""
    stored: dict[tuple[str, str], float] = {}
    for row, at in found:
        if not row.get("reason"):
            stored.setdefault((row["node_id"], row["at"]), at)
    for part in parts:
        made = part.pop("_made")
        lags = sorted(stored[one] - clock.parse(one[1]).timestamp() for one in made if one in stored) or [0.0]
        part |= {
            "samples_made": len(made),
            "rows_arrived": len(made & stored.keys()),
            "lost": len(made - stored.keys()),
            "lag_p50_s": round(statistics.median(lags), 1),
            "lag_p99_s": round(lags[int(len(lags) * 0.99) - 1], 1),
        }
    every = sum(1 for row, _ in found if not row.get("reason"))
    parts[-1]["rows_twice"] = every - len(stored)
    for part in parts[:-1]:
        part["rows_twice"] = ""


if __name__ == "__main__":
    sys.exit(main())
