"""Secrets Manager: read each time, so that a secret that was changed holds at once."""

from __future__ import annotations

import json

from nightshift.aws.session import client


def read(secret_arn: str) -> str:
    """The secret's text."""
    return str(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])


def login(prefix: str, name: str) -> tuple[str, str]:
    """User name and password of the secret ``name`` below ``prefix``; both empty where there is no name."""
    if not name:
        return "", ""
    found = json.loads(read(prefix + name))
    return str(found.get("username", "")), str(found.get("password", ""))


def rotated(secret_arn: str) -> tuple[str, ...]:
    """The secret's text now and, where it was rotated, the one before, which still counts."""
    secrets = client("secretsmanager")
    found = [str(secrets.get_secret_value(SecretId=secret_arn)["SecretString"])]
    try:
        before = secrets.get_secret_value(SecretId=secret_arn, VersionStage="AWSPREVIOUS")
    except secrets.exceptions.ResourceNotFoundException:
        return tuple(found)
    return (*found, str(before["SecretString"]))
