"""The artifacts bucket: releases, the policy's source, what nodes were like, what decisions were given."""

from __future__ import annotations

from http import HTTPStatus

from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import Refused

LINK_SECONDS = 900


def link(bucket: str, key: str) -> str:
    """A URL that reads one object for fifteen minutes; nodes need no credentials of their own."""
    url = client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=LINK_SECONDS
    )
    return str(url)


def text(bucket: str, key: str) -> str:
    """An object as text; raises Refused ``artifact.unreadable`` when it is not UTF-8."""
    body = client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    try:
        return bytes(body.read()).decode()
    except UnicodeDecodeError as error:
        raise Refused("artifact.unreadable", f"{key} is not UTF-8: {error}") from error


def find(bucket: str, key: str) -> str | None:
    """An object as text; None when there is none."""
    try:
        return text(bucket, key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "AccessDenied"):
            return None
        raise


def size(bucket: str, key: str) -> int | None:
    """How many bytes an object has; None when there is none (S3 says 403 to who may not list)."""
    try:
        return int(client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"])
    except ClientError as error:
        missing = (HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN)
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in missing:
            return None
        raise


def require(bucket: str, key: str, wanted: int) -> None:
    """Raises Refused ``release.unfetchable`` unless an object is there and has ``wanted`` bytes."""
    found = size(bucket, key)
    if found != wanted:
        said = "is not there" if found is None else f"has {found} bytes"
        raise Refused("release.unfetchable", f"{key} of {wanted} bytes {said}")


def store(bucket: str, key: str, content: bytes) -> None:
    """Store a release's archive under ``key``."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/gzip")


def save(bucket: str, key: str, content: str) -> None:
    """Store ``content`` under ``key``; gives up within seconds, since a caller may have to go on without."""
    client("s3", brief=True).put_object(
        Bucket=bucket, Key=key, Body=content.encode(), ContentType="text/plain; charset=utf-8"
    )


def keep(bucket: str, key: str, content: str) -> None:
    """Store ``content`` under ``key``, which names it by its sum: again changes nothing."""
    client("s3").put_object(Bucket=bucket, Key=key, Body=content.encode(), ContentType="application/json")
