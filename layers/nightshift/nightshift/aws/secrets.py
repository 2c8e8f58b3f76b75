"""Secrets Manager: read each time, so that a secret that was changed holds at once; ``lately`` excepted."""

from __future__ import annotations

import json
import time

from botocore.exceptions import BotoCoreError, ClientError

from nightshift.aws.session import client
from nightshift.errors import Permanent, Refused, Retryable
from nightshift.redaction import hide


def read(secret_arn: str) -> str:
    """The secret's text; from now on this process never says it."""
    return hide(str(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]))


def named(prefix: str, name: str) -> str:
    """The text of a channel's secret ``name`` below ``prefix``, without surrounding space.

    Raises Permanent ``channel.unconfigured`` where there is none, Retryable ``channel.failed`` where Secrets
    Manager does not answer.
    """
    try:
        return hide(read(prefix + name).strip())
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in {"ResourceNotFoundException", "AccessDeniedException"}:
            raise Permanent(
                "channel.unconfigured", f"there is no secret notify/{name} to read: {code}"
            ) from None
        raise Retryable("channel.failed", f"the secret notify/{name} cannot be read: {code}") from None
    except BotoCoreError as error:
        raise Retryable(
            "channel.failed", f"the secret notify/{name} cannot be read: {type(error).__name__}"
        ) from None


def login(prefix: str, name: str) -> tuple[str, str]:
    """User name and password of the secret ``name`` below ``prefix``; both empty where there is no name."""
    if not name:
        return "", ""
    found = json.loads(read(prefix + name))
    return str(found.get("username", "")), hide(str(found.get("password", "")))


def rotated(secret_arn: str) -> tuple[str, ...]:
    """The secret's text now and, where it was rotated, the one before, which still counts; no empty one.

    Raises Refused ``secret.unknown`` when there is no such secret.
    """
    secrets = client("secretsmanager")
    try:
        found = [str(secrets.get_secret_value(SecretId=secret_arn)["SecretString"])]
    except secrets.exceptions.ResourceNotFoundException as error:
        raise Refused("secret.unknown", f"there is no secret {secret_arn.rpartition(':')[2]}") from error
    try:
        before = secrets.get_secret_value(SecretId=secret_arn, VersionStage="AWSPREVIOUS")
    except secrets.exceptions.ResourceNotFoundException:
        before = {"SecretString": ""}
    return tuple(hide(text) for text in (*found, str(before["SecretString"])) if text)


LATELY_SECONDS = 60.0
_read: dict[str, tuple[float, tuple[str, ...]]] = {}


def lately(secret_arn: str) -> tuple[str, ...]:
    """``rotated``, as it was at most a minute ago: for whoever is asked so often that reading costs more
    than all the rest. A changed secret holds within a minute; the one before counts as long as it stands.
    """
    at, texts = _read.get(secret_arn, (0.0, ()))
    if not texts or time.monotonic() - at > LATELY_SECONDS:
        texts = rotated(secret_arn)
        _read[secret_arn] = (time.monotonic(), texts)
    return texts
