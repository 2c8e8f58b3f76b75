"""Servers for the tests of this folder; they need OpenSSH's sshd, and CI must have it."""

from __future__ import annotations

import os

import pytest

from nightshift_ssh.deadline import Deadline
from nightshift_ssh.handshake import connect
from tests.ssh.servers import MISSING, SSHD, Site

PATIENCE = 30.0


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """A client key and, at first, two hosts of one sshd; skipped without sshd, except in CI."""
    if SSHD is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    site = Site(tmp_path_factory.mktemp("ssh"))
    try:
        site.sshd("127.0.0.2", "127.0.0.3")
        yield site
    finally:
        site.stop()


@pytest.fixture
def server(site):
    """The first sshd, on two addresses."""
    return site.servers[0]


@pytest.fixture
def connection(site, server):
    """One connection to the first host."""
    connection = connect(server.address(), site.login(), Deadline.after(PATIENCE))
    yield connection
    connection.close()
