"""Secrets Manager: read each time, so that a secret that was changed holds at once."""

from __future__ import annotations

from nightshift.aws.session import client


def read(secret_arn: str) -> str:
    """The secret's text."""
    return str(client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"])
