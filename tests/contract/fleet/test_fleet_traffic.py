"""How one gets at nodes from outside: the reverse proxy of a group, and SSH."""

import base64
import threading
import urllib.error
import urllib.request
from pathlib import Path

import asyncssh
import paramiko
import pytest

from tests.contract.fleet.harness import get, wait_for
from tools.local.fleet import faults


@pytest.fixture
def pair(fleet, web):
    """Both web nodes serving, and the URL of their proxy."""
    for node in wait_for(lambda: len(fleet.nodes("web", "in_service")) == 2 and fleet.nodes("web")):
        if fleet.is_up(node["id"]) != 1.0:
            fleet.install(node["id"], "rebuild")
    proxy = wait_for(lambda: fleet.node(web["id"])["proxy_url"])
    wait_for(lambda: len(nodes_behind(proxy)) == 2)
    return fleet.nodes("web"), proxy


def nodes_behind(proxy):
    try:
        return {get(f"{proxy}/health")["node"] for _ in range(4)}
    except urllib.error.HTTPError:
        return set()


def test_requests_go_round(pair):
    """Both nodes are asked in turn; the answer names the node and comes through unchanged."""
    nodes, proxy = pair
    assert nodes_behind(proxy) == {node["id"] for node in nodes}
    with urllib.request.urlopen(f"{proxy}/?x=%20y") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Nightshift-Node"] in {node["name"] for node in nodes}
        assert b"<h1>web</h1>" in answer.read()
    request = urllib.request.Request(f"{proxy}/anything", data=b"12345", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert b'"received": 5' in answer.read()


def test_a_node_that_dies_fails_no_request(fleet, pair):
    """A killed node is passed over at once and comes back by itself once it is healthy."""
    nodes, proxy = pair
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                get(f"{proxy}/version")
            except urllib.error.HTTPError as error:
                failures.append(error.code)

    asker = threading.Thread(target=ask)
    asker.start()
    faults.kill_service(nodes[0])
    wait_for(lambda: nodes_behind(proxy) == {nodes[1]["id"]})
    fleet.restart(nodes[0]["id"])
    wait_for(lambda: len(nodes_behind(proxy)) == 2)
    stop.set()
    asker.join()
    assert failures == []


def test_without_a_healthy_node_the_proxy_says_so(fleet, pair):
    """503 when no node is healthy, whatever still listens."""
    nodes, proxy = pair
    for node in nodes:
        faults.delete_release_file(node)

    def code():
        try:
            get(f"{proxy}/version")
        except urllib.error.HTTPError as error:
            return error.code
        return 200

    wait_for(lambda: code() == 503)
    for node in nodes:
        fleet.install(node["id"], "rebuild")
    wait_for(lambda: code() == 200)


def connect(fleet, node, key_file, host_key):
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    name, text = host_key.split()[:2]
    address = f"[127.0.0.1]:{node['ssh_port']}"
    client.get_host_keys().add(address, name, paramiko.PKey.from_type_string(name, base64.b64decode(text)))
    client.connect(
        "127.0.0.1",
        port=node["ssh_port"],
        username="nightshift",
        key_filename=str(key_file),
        allow_agent=False,
        look_for_keys=False,
        timeout=10,
    )
    return client


def test_ssh_takes_the_fleets_key_and_runs_commands(fleet, web):
    """With strict host keys, paramiko runs a command in the node's environment."""
    with connect(fleet, web, fleet.home / "run" / "ssh_key", web["ssh_host_key"]) as client:
        stdin, stdout, stderr = client.exec_command('cat; echo "$NIGHTSHIFT_ROOT"; echo oops >&2; exit 3')
        stdin.write("in\n")
        stdin.channel.shutdown_write()
        assert stdout.read().decode() == f"in\n{web['dir']}\n"
        assert stderr.read().decode() == "oops\n"
        assert stdout.channel.recv_exit_status() == 3


def test_ssh_refuses_strangers_and_wrong_host_keys(fleet, web, tmp_path):
    """An unlisted key does not get in, and every node has a host key of its own."""
    other = fleet.nodes("api", "in_service")[0]
    assert other["ssh_host_key"] != web["ssh_host_key"]
    with pytest.raises(paramiko.BadHostKeyException):
        connect(fleet, web, fleet.home / "run" / "ssh_key", other["ssh_host_key"])
    key_file = Path(tmp_path / "stranger")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key_file)
    with pytest.raises(paramiko.AuthenticationException):
        connect(fleet, web, key_file, web["ssh_host_key"])
