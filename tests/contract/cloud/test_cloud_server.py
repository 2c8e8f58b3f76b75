"""The server's life: where it listens, what it answers itself, what it leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import urllib.error
from contextlib import suppress

import psutil
import pytest

from tests.contract.cloud.conftest import PARAMETERS
from tests.contract.cloud.harness import HERE, REPO, running_cloud, wait_for
from tools.local.cloud.deploy import deploy, warm


def test_it_listens_on_127_0_0_1_only(cloud):
    """No socket of the server listens anywhere but on 127.0.0.1, and there is one."""
    listening = [
        connection.laddr
        for connection in psutil.Process(cloud.process.pid).net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", cloud.port)]


def test_a_second_server_on_the_port_says_so(cloud):
    """A port in use is one clear line and exit code 1, and the first server goes on."""
    done = subprocess.run(cloud.command(), cwd=REPO, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr.strip() == f"port {cloud.port} on 127.0.0.1 is in use"
    assert cloud.is_ready()


def test_unknown_and_malformed_internal_requests_are_refused(cloud):
    """Only aws.* events with an object as detail are taken, and unknown paths are 404."""
    for body in ({}, [{"Source": "mine", "DetailType": "x", "Detail": {"a": 1}}], ["x"], None):
        with pytest.raises(urllib.error.HTTPError) as refused:
            cloud.post("/_nightshift/aws-events", body)
        assert refused.value.code == 400
    with pytest.raises(urllib.error.HTTPError) as unknown:
        cloud.get("/_nightshift/else")
    assert unknown.value.code == 404


def test_aws_events_reach_rules_on_the_default_bus(cloud):
    """An event of an AWS service that is posted internally is delivered like AWS's own."""
    detail = {"status": "FAILED", "executionArn": "arn:posted"}
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": detail,
        "Resources": ["arn:posted"],
    }
    assert cloud.post("/_nightshift/aws-events", [entry]) == {"FailedEntryCount": 0}
    event = json.loads(cloud.receive(cloud.outputs["MachineEvents"], "the posted event")["Body"])
    assert (event["source"], event["detail"], event["resources"]) == ("aws.states", detail, ["arn:posted"])


@pytest.fixture
def own_cloud(tmp_path):
    """A cloud for one test that stops it."""
    with running_cloud(tmp_path) as started:
        started.outputs = deploy(started.endpoint, HERE / "template.yaml", started.home, PARAMETERS)
        yield started


def invoke_in_background(cloud):
    def call():
        with suppress(Exception):  # the server is stopped under it
            cloud.invoke("t-work", ask={"sleep": 5})

    threading.Thread(target=call, daemon=True).start()
    wait_for(cloud.workers, "a worker")


def test_sigterm_leaves_no_process_and_no_temporary_file(own_cloud):
    """A stop in the middle of an invocation ends every worker and removes every temporary file."""
    invoke_in_background(own_cloud)
    assert own_cloud.stop() == 0
    assert own_cloud.workers() == []
    assert not (own_cloud.home / "tmp").exists()


def test_a_killed_server_is_cleaned_up_after(own_cloud):
    """Workers of a killed server end by themselves, and the next start removes its files."""
    assert warm(own_cloud.endpoint) == 1
    leftover = own_cloud.home / "tmp" / "functions"
    assert leftover.exists()
    own_cloud.stop(signal.SIGKILL)
    wait_for(lambda: not own_cloud.workers(), "orphaned workers to end")
    own_cloud.start()
    assert not leftover.exists()
