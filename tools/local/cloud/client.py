"""boto3 clients for the local stack."""

from __future__ import annotations

from typing import Any

from tools.local.cloud.config import REGION


def client(service: str, endpoint: str) -> Any:
    """A boto3 client of `service` that talks to the embedded cloud at `endpoint`, e.g. http://127.0.0.1:4566.

    It never reads the operator's credentials or configuration.
    """
    import boto3
    from botocore.config import Config

    session = boto3.session.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
        region_name=REGION,
    )
    settings = Config(
        max_pool_connections=50,
        retries={"max_attempts": 3, "mode": "standard"},
        inject_host_prefix=False,
        proxies={},
        s3={"addressing_style": "path"},
    )
    return session.client(service, endpoint_url=endpoint, config=settings)
