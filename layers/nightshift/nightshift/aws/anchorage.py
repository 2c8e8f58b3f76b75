"""The bucket of anchors: one object an hour, written once and locked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from botocore.exceptions import ClientError

from nightshift import clock
from nightshift.anchors import BACK, Anchor, hour_of
from nightshift.aws.session import client

FOLDER = "journal/"
KNOWN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class Anchorage:
    """Objects are never written again: S3 refuses a second one of the same name."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    def hours(self, now: datetime) -> list[str]:
        """The hours that have an anchor, as far back as missing ones are made up for."""
        begin = f"{FOLDER}{hour_of(clock.iso(now - BACK))}"
        return [key.removeprefix(FOLDER).removesuffix(".json") for key in self._keys(begin)]

    def keep(self, anchor: Anchor) -> bool:
        """Write an anchor; False when its hour has one already, which stays as it is."""
        try:
            client("s3").put_object(
                Bucket=self._bucket,
                Key=f"{FOLDER}{anchor.hour}.json",
                Body=anchor.model_dump_json().encode(),
                ContentType="application/json",
                IfNoneMatch="*",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in KNOWN:
                return False
            raise
        return True

    def read(self, since: str = "") -> Iterator[Anchor]:
        """Every anchor from the hour ``since`` on, the oldest first; for people who verify."""
        for key in self._keys(f"{FOLDER}{since}" if since else FOLDER):
            body = client("s3").get_object(Bucket=self._bucket, Key=key)["Body"]
            yield Anchor.model_validate_json(body.read())

    def _keys(self, begin: str) -> Iterator[str]:
        pages = client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._bucket, Prefix=FOLDER, StartAfter=begin):
            yield from (one["Key"] for one in page.get("Contents", []))
