"""The artifacts bucket's inspections: rows per batch, reports, and the baseline that drift is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nightshift import passes
from nightshift.aws import artifacts
from nightshift.aws.session import client
from nightshift.passes import Row

_JSON, _HTML = "application/json", "text/html; charset=utf-8"


def save_rows(bucket: str, pass_id: str, part: int | str, rows: Iterable[Row]) -> None:
    """Store the rows of one batch; again, if it is read again."""
    _put(bucket, passes.rows_key(pass_id, part), passes.rows_text(rows), _JSON)


def rows(bucket: str, pass_id: str, part: int | str) -> tuple[Row, ...]:
    """The rows of one batch that was stored."""
    return passes.read_rows(artifacts.text(bucket, passes.rows_key(pass_id, part)))


def save(bucket: str, pass_id: str, as_json: str, as_html: str) -> str:
    """Store a report, for the pass and as the latest; returns the key of its JSON."""
    for place in (pass_id, passes.LATEST):
        _put(bucket, passes.report_key(place, "html"), as_html, _HTML)
        _put(bucket, passes.report_key(place, "json"), as_json, _JSON)
    return passes.report_key(pass_id, "json")


def baseline(bucket: str, pass_id: str) -> Any:
    """What a reported pass left for the next one to compare with."""
    return json.loads(artifacts.text(bucket, passes.baseline_key(pass_id)))


def save_baseline(bucket: str, pass_id: str, content: object) -> None:
    """Keep what the next pass compares with."""
    _put(bucket, passes.baseline_key(pass_id), json.dumps(content, separators=(",", ":")), _JSON)


def _put(bucket: str, key: str, content: str, kind: str) -> None:
    client("s3").put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=kind)
