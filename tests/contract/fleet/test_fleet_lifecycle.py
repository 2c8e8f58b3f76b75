"""A fleet starts with clear errors, stops without a trace, and clears up after a killed one."""

import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from tests.contract.fleet.harness import REPOSITORY, FleetUnderTest, wait_for
from tests.contract.fleet.stub_cloud import stub_cloud


@pytest.fixture
def own(tmp_path):
    """A fleet of this test alone, with one node."""
    with stub_cloud() as cloud:
        fleet = FleetUnderTest(tmp_path / "home", cloud)
        fleet.start()
        fleet.create_group("web", 1)
        yield fleet
        if fleet.process.poll() is None:
            fleet.stop()


def test_a_terminated_fleet_leaves_nothing(own):
    """SIGTERM ends every process, also a hung service, and removes every folder of a node."""
    node = own.nodes()[0]
    own.install(node["id"])
    os.kill(wait_for(lambda: own.node(node["id"])["pid"]), signal.SIGSTOP)
    machines = own.machines()
    assert len(own.living(machines)) >= 3
    assert own.stop() == 0
    assert own.living(machines) == []
    assert own.machines() == []
    assert list((own.home / "nodes").iterdir()) == []
    for port in (own.port, own.moto_port, own.proxy_base):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)


def test_what_a_killed_fleet_left_is_cleared(own):
    """After SIGKILL its nodes and moto still run; the next fleet on the same home ends them."""
    machines = own.machines()
    (machines[0] / "tmp" / "locked").mkdir(mode=0)
    orphans = psutil.Process(own.process.pid).children(recursive=True)
    own.process.kill()
    own.process.wait()
    assert own.living(machines)
    own.start()
    assert own.living(machines) == []
    assert own.machines() == []
    assert not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in orphans)


def run_and_fail(command):
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False)


def test_a_taken_home_and_a_taken_port_are_clear_errors(fleet, tmp_path):
    """A second fleet says what is in its way and leaves the first alone."""
    second = FleetUnderTest(fleet.home, fleet.cloud)
    refused = run_and_fail(second.command())
    assert refused.returncode == 1
    assert f"another fleet runs on {fleet.home}" in refused.stderr
    second = FleetUnderTest(tmp_path / "other", fleet.cloud)
    second.port = fleet.port
    refused = run_and_fail(second.command())
    assert refused.returncode == 1
    assert f"port {fleet.port} is in use" in refused.stderr
    second = FleetUnderTest(tmp_path / "third", fleet.cloud)
    second.moto_port = fleet.moto_port
    refused = run_and_fail(second.command())
    assert refused.returncode == 1
    assert f"port {fleet.moto_port} is in use" in refused.stderr
    assert fleet.nodes(state="in_service")


@pytest.mark.skipif(sys.platform != "linux", reason="reads other processes' sockets")
def test_everything_listens_on_the_loopback_only(fleet, web):
    """No process of the fleet or of its nodes can be reached from elsewhere."""
    assert web["pid"]
    family = psutil.Process(fleet.process.pid).children(recursive=True)
    listening = [
        connection.laddr.ip
        for process in [psutil.Process(fleet.process.pid), *family]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 6
    assert set(listening) == {"127.0.0.1"}
