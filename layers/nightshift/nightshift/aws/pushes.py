"""The artifacts bucket's pushed samples: what came in one batch of the queue is one object.

A healthy node's sample costs no write of its own; a week of them is kept for whoever wants to look back.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from nightshift.aws import artifacts

FOLDER = "samples"


def save_rows(bucket: str, now: datetime, name: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Store the rows of one batch, a line of JSON each; the same batch again takes the same place."""
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    key = f"{FOLDER}/{now:%Y-%m-%d/%H}/{name}.jsonl.gz"
    artifacts.store(bucket, key, gzip.compress(text.encode(), compresslevel=5, mtime=0))
