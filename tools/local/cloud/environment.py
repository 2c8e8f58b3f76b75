"""The process environment that ministack is imported under.

ministack reads its settings from the environment at import time, and an operator's shell may hold
real AWS credentials, proxies or a Docker host. None of those may reach the server or its workers.
"""

from __future__ import annotations

import os
import tempfile

from tools.local.cloud.config import REGION, CloudConfig

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("NIGHTSHIFT_", "LAMBDA_ASYNC_RETRY_", "LAMBDA_WARM_TTL", "COVERAGE_")


def prepare(config: CloudConfig) -> None:
    """Replace this process's environment; call it before ministack is imported."""
    kept = {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    config.tmp.mkdir(parents=True, exist_ok=True)
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(_settings(config))
    for name, value in {
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1",
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "4",
        "LOG_LEVEL": os.environ.get("NIGHTSHIFT_CLOUD_LOG_LEVEL", "WARNING"),
    }.items():
        os.environ.setdefault(name, value)
    tempfile.tempdir = str(config.tmp)


def _settings(config: CloudConfig) -> dict[str, str]:
    return {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(config.port),
        # The IoT broker would listen on 0.0.0.0:8883 whatever BIND_HOST says.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "S3_PERSIST": "0",
        "STATE_DIR": str(config.tmp / "state"),
        "S3_DATA_DIR": str(config.tmp / "s3"),
        "LAMBDA_EXECUTOR": "local",
        # A path where no socket is: the container reaper must never talk to the operator's Docker.
        "DOCKER_HOST": f"unix://{config.tmp}/no-docker.sock",
        "TMPDIR": str(config.tmp),
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "MINISTACK_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
