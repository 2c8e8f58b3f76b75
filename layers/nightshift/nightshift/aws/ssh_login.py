"""How Nightshift enters nodes without an agent: the key from Secrets Manager, host keys from the bucket."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from nightshift.aws import artifacts, secrets
from nightshift.errors import Permanent, Refused
from nightshift.redaction import hide

# In the artifacts bucket: a secret holds 64 KiB at most, which is too little for the keys of a fleet.
KNOWN_HOSTS = "ssh/known_hosts"


def read(secret: str, bucket: str) -> tuple[str, str, str]:
    """User, private key and known hosts, read afresh, so that a change holds at once.

    Raises Permanent ``ssh.no_login`` when the secret or known_hosts is not there, and Refused
    ``ssh.login_unreadable`` when the secret is not JSON with ``user`` and ``private_key``.
    """
    try:
        told = secrets.read(secret)
        hosts = artifacts.text(bucket, KNOWN_HOSTS)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise Permanent(
            "ssh.no_login", f"{secret.rpartition(':')[2]} or {KNOWN_HOSTS} cannot be read: {code}"
        ) from error
    try:
        login = json.loads(told)
        return str(login["user"]), hide(str(login["private_key"])), hosts
    except (ValueError, KeyError, TypeError):
        # Without the cause: its text holds parts of the secret.
        raise Refused("ssh.login_unreadable", "the secret is not JSON with user and private_key") from None
