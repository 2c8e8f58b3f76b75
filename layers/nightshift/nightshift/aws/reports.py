"""The artifacts bucket's inspections: rows per batch, reports, and the baseline that drift is judged by."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from nightshift import passes
from nightshift.aws import artifacts
from nightshift.aws.session import client
from nightshift.passes import Reached, Row

_JSON, _HTML = "application/json", "text/html; charset=utf-8"


def save_rows(bucket: str, pass_id: str, part: int | str, rows: Iterable[Row]) -> None:
    """Store the rows of one batch; again, if it is read again."""
    _put(bucket, passes.rows_key(pass_id, part), passes.rows_text(rows), _JSON)


def rows(bucket: str, pass_id: str, part: int | str) -> tuple[Row, ...]:
    """The rows of one batch that was stored."""
    return passes.read_rows(artifacts.text(bucket, passes.rows_key(pass_id, part)))


def save_answers(bucket: str, pass_id: str, number: int, answers: Iterable[Reached]) -> None:
    """Store what the nodes of a batch answered by SSH."""
    told = [one.model_dump() for one in answers]
    _put(bucket, passes.answers_key(pass_id, number), json.dumps(told), _JSON)


def answers(bucket: str, pass_id: str, number: int) -> dict[str, Reached]:
    """What the nodes of a batch answered by SSH, by node; nothing when nobody stored it."""
    told = _if_there(bucket, passes.answers_key(pass_id, number))
    return {one["node_id"]: Reached.model_validate(one) for one in json.loads(told or "[]")}


def save(bucket: str, pass_id: str, as_json: str, as_html: str, *, latest: bool) -> str:
    """Store a report, for the pass and perhaps as the latest one; returns the key of its JSON."""
    for place in (pass_id, *([passes.LATEST] if latest else [])):
        _put(bucket, passes.report_key(place, "html"), as_html, _HTML)
        _put(bucket, passes.report_key(place, "json"), as_json, _JSON)
    return passes.report_key(pass_id, "json")


def baseline(bucket: str, pass_id: str) -> dict[str, Any]:
    """What a reported pass left to compare with; empty without one, or when it has expired."""
    if not pass_id:
        return {}
    found: dict[str, Any] = json.loads(_if_there(bucket, passes.baseline_key(pass_id)) or "{}")
    return found


def save_baseline(bucket: str, pass_id: str, content: object) -> None:
    """Keep what the next pass compares with."""
    _put(bucket, passes.baseline_key(pass_id), json.dumps(content, separators=(",", ":")), _JSON)


def _if_there(bucket: str, key: str) -> str:
    try:
        return artifacts.text(bucket, key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):  # no right to list: a 403
            return ""
        raise


def _put(bucket: str, key: str, content: str, kind: str) -> None:
    client("s3").put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType=kind)
