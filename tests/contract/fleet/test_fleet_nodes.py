"""Local nodes are real: what breaks on them is seen, and documents mend it."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.contract.fleet.harness import get, wait_for
from tools.local.fleet import faults


def test_a_fresh_node_is_empty_and_says_so(fleet):
    """Before the first release a node reports CPU and disk, and nothing of a service."""
    node = fleet.nodes("api")[0]
    sample = wait_for(lambda: fleet.node(node["id"])["sample"])["metrics"]
    assert (node["release"], node["pid"], sample["ServiceUp"]) == (None, None, None)
    assert sample["DiskUsedPercent"] == 0.0
    assert list((Path(node["dir"]) / "releases").iterdir()) == []


def test_an_installed_release_serves(web):
    """After install_release the service answers as this node, in this version, from its folder."""
    health = get(f"{web['url']}/health")
    assert health == {"status": "ok", "node": web["id"], "version": "1.0.0"}
    assert (web["release"], web["name"]) == ("1.0.0", "web-test-1")
    assert psutil.Process(web["pid"]).environ()["NODE_ID"] == web["id"]


def test_a_service_of_root_is_bound_by_permissions(web):
    """Where the stack runs as root, the service has no capability left."""
    if os.geteuid() != 0:
        pytest.skip("not root")
    lines = Path(f"/proc/{web['pid']}/status").read_text().splitlines()
    assert int(dict(line.split(":", 1) for line in lines)["CapEff"], 16) == 0


@pytest.mark.parametrize("fault", [faults.kill_service, faults.hang_service])
def test_a_restart_mends_a_dead_or_hung_service(fleet, web, fault):
    """The probe sees a killed and a stopped service, and a restart brings either back."""
    fault(web)
    wait_for(lambda: fleet.is_up(web["id"]) == 0.0)
    assert fleet.restart(web["id"])["Status"] == "Success"
    wait_for(lambda: fleet.is_up(web["id"]) == 1.0)


@pytest.mark.parametrize("fault", [faults.delete_release_file, faults.break_release])
def test_a_restart_cannot_mend_a_broken_release(fleet, web, fault):
    """Whether the service refuses to start or starts and reports itself broken, it stays down."""
    fault(web)
    fleet.restart(web["id"])
    since = time.time()
    wait_for(lambda: fleet.node(web["id"])["sample"]["at"] > since)
    assert fleet.is_up(web["id"]) == 0.0


REBUILT = [
    faults.delete_release_file,
    faults.delete_release,
    faults.delete_releases,
    faults.delete_current_link,
    faults.break_release,
    faults.forbid_folder,
]


@pytest.mark.parametrize("fault", REBUILT)
def test_a_rebuild_mends_whatever_became_of_the_files(fleet, web, fault):
    """The probe sees missing, garbled and unreadable files, and a rebuild brings them back."""
    fault(web)
    wait_for(lambda: fleet.is_up(web["id"]) == 0.0)
    assert fleet.install(web["id"], "rebuild")["Status"] == "Success"
    wait_for(lambda: fleet.is_up(web["id"]) == 1.0)


def test_a_stranger_on_the_port_is_reported_and_left_alone(fleet, web):
    """Neither document claims success while somebody else answers on the port, nor ends it."""
    stranger = faults.take_port(web)
    try:
        wait_for(lambda: fleet.is_up(web["id"]) == 0.0)
        for invocation in (fleet.restart(web["id"]), fleet.install(web["id"], "rebuild")):
            assert invocation["Status"] == "Failed"
            assert "Address already in use" in invocation["CommandPlugins"][0]["Output"]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_full_disk_is_cleaned(fleet, web):
    """Rotated logs fill the quota; clean_disk frees them; data that is no rubbish stays."""

    def used():
        return fleet.node(web["id"])["sample"]["metrics"]["DiskUsedPercent"]

    faults.fill_disk(web)
    wait_for(lambda: used() > 95)
    assert "freed: " in fleet.run("clean_disk", web["id"])["CommandPlugins"][0]["Output"]
    wait_for(lambda: used() < 5)
    faults.fill_disk(web, 60, cleanable=False)
    wait_for(lambda: used() > 55)
    fleet.run("clean_disk", web["id"])
    assert len(list((Path(web["dir"]) / "shared").glob("data-*"))) == 4
    for path in (Path(web["dir"]) / "shared").glob("data-*"):
        path.unlink()


def cpu(fleet, node):
    return fleet.node(node["id"])["sample"]["metrics"]["CPUUtilization"] or 0.0


def test_a_busy_child_is_seen_and_goes_with_a_restart(fleet, web):
    """What the service's children use counts, also after it died; a restart ends them."""
    faults.spin_cpu(web)
    wait_for(lambda: cpu(fleet, web) > 90)
    os.kill(fleet.node(web["id"])["pid"], signal.SIGKILL)
    wait_for(lambda: fleet.is_up(web["id"]) == 0.0 and cpu(fleet, web) > 90)
    assert fleet.restart(web["id"])["Status"] == "Success"
    wait_for(lambda: cpu(fleet, web) < 30)


def test_a_short_burst_ends_by_itself(fleet, web):
    """A spike of a second needs nobody."""
    faults.spin_cpu(web, 1.5)
    wait_for(lambda: cpu(fleet, web) > 60)
    wait_for(lambda: cpu(fleet, web) < 30)
    assert fleet.is_up(web["id"]) == 1.0


def test_a_killed_agent_comes_back(fleet, web):
    """The supervisor restarts the agent, and commands reach the node again."""
    os.kill(web["agent_pid"], signal.SIGKILL)
    wait_for(lambda: fleet.node(web["id"])["agent_pid"] != web["agent_pid"])
    assert fleet.restart(web["id"])["Status"] == "Success"


def test_samples_are_published_in_one_batch_a_second(fleet, web):
    """The cloud gets high-resolution data of all nodes together, by InstanceId alone."""
    names = {"ServiceUp", "CPUUtilization", "DiskUsedPercent"}

    def whole_batch():
        for body in reversed(fleet.cloud.metric_bodies[-5:]):
            data = json.loads(body)["MetricData"]
            of_web = [datum for datum in data if datum["Dimensions"][0]["Value"] == web["id"]]
            if {datum["MetricName"] for datum in of_web} == names:
                return json.loads(body)
        return None

    body = wait_for(whole_batch)
    assert body["Namespace"] == "Nightshift"
    assert all([one["Name"] for one in datum["Dimensions"]] == ["InstanceId"] for datum in body["MetricData"])
    assert all(datum["StorageResolution"] == 1 for datum in body["MetricData"])
    assert len({datum["Dimensions"][0]["Value"] for datum in body["MetricData"]}) > 1
    before, began = len(fleet.cloud.metric_bodies), time.monotonic()
    wait_for(lambda: len(fleet.cloud.metric_bodies) >= before + 3)
    assert time.monotonic() - began > 1.5


def test_a_node_speaks_only_for_itself(fleet):
    """Without a node's token nobody reports for it."""
    request = urllib.request.Request(f"{fleet.url}/fleet/agent/sample", data=b"{}", method="POST")
    request.add_header("Authorization", "Bearer wrong")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 403
