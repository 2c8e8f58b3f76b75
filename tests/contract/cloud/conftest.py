"""One embedded cloud with the test template deployed, and one ministack as upstream made it."""

from __future__ import annotations

import pytest

from tests.contract.cloud.harness import HERE, running_cloud
from tests.contract.cloud.upstream import Upstream
from tools.local.cloud.deploy import deploy

PARAMETERS = {"Prefix": "t", "Rate": "rate(20 days)"}


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """The embedded cloud, with template.yaml of this folder deployed."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as started:
        started.outputs = deploy(started.endpoint, HERE / "template.yaml", started.home, PARAMETERS)
        yield started


@pytest.fixture(scope="session")
def upstream(tmp_path_factory):
    """Pinned ministack without any mend: tells which mends have become needless."""
    server = Upstream(tmp_path_factory.mktemp("upstream"))
    server.start()
    yield server
    server.stop()
