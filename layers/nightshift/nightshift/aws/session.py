"""One boto3 session for the whole function, and its clients, made once and kept between invocations."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

# Standard mode retries throttles and lost connections with jitter; the read timeout is below every
# function's own timeout, so that a slow answer becomes an error that Step Functions can retry.
CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=15)
# For what may be left out: two tries end long before the function does.
BRIEF = Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=2, read_timeout=4)


@cache
def client(service: str, *, brief: bool = False) -> Any:
    """The client of an AWS service, for the function's own region and role; a ``brief`` one gives up soon."""
    return _session().client(service, config=BRIEF if brief else CONFIG)


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()
