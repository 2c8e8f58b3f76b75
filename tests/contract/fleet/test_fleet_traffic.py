"""How one gets at nodes from outside: the reverse proxy of a group, and SSH."""

import base64
import threading
import urllib.error
import urllib.request
from pathlib import Path

import asyncssh
import paramiko
import pytest

from nightshift.traffic import proxy
from tests.contract.fleet.harness import get, wait_for
from tools.local.fleet import faults


@pytest.fixture
def pair(fleet, web):
    """Both web nodes serving, and the URL of their proxy."""
    for node in wait_for(lambda: len(fleet.nodes("web", "in_service")) == 2 and fleet.nodes("web")):
        if fleet.is_up(node["id"]) != 1.0:
            fleet.install(node["id"], "rebuild")
    address = wait_for(lambda: fleet.node(web["id"])["proxy_url"])
    wait_for(lambda: len(nodes_behind(address)) == 2)
    return fleet.nodes("web"), address


def nodes_behind(address):
    try:
        return {get(f"{address}/health")["node"] for _ in range(4)}
    except urllib.error.HTTPError:
        return set()


def test_requests_go_round(pair):
    """Both nodes are asked in turn; the answer names the node and comes through unchanged."""
    nodes, address = pair
    assert nodes_behind(address) == {node["id"] for node in nodes}
    with urllib.request.urlopen(f"{address}/?x=%20y") as answer:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["X-Nightshift-Node"] in {node["name"] for node in nodes}
        assert b"<h1>web</h1>" in answer.read()
    request = urllib.request.Request(f"{address}/anything", data=b"12345", method="POST")
    with urllib.request.urlopen(request) as answer:
        assert b'"received": 5' in answer.read()


def test_a_node_that_dies_fails_no_request(fleet, pair):
    """A killed node is passed over at once and comes back by itself once it is healthy."""
    nodes, address = pair
    failures, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                get(f"{address}/version")
            except urllib.error.HTTPError as error:
                failures.append(error.code)

    asker = threading.Thread(target=ask)
    asker.start()
    faults.kill_service(nodes[0])
    wait_for(lambda: nodes_behind(address) == {nodes[1]["id"]})
    fleet.restart(nodes[0]["id"])
    wait_for(lambda: len(nodes_behind(address)) == 2)
    stop.set()
    asker.join()
    assert failures == []


def test_a_node_that_left_gets_no_request_and_may_be_restarted_unseen(fleet, pair):
    """Not even a request that cannot be sent twice fails; it serves again after a check that is newer."""
    nodes, address = pair
    first, other = nodes
    asked, failures, stop = [], [], threading.Event()

    def order():
        while not stop.is_set():
            try:
                with urllib.request.urlopen(f"{address}/order", data=b"one", timeout=10) as answer:
                    asked.append(answer.headers["X-Nightshift-Node"])
            except urllib.error.URLError as error:
                failures.append(error)

    askers = [threading.Thread(target=order) for _ in range(4)]
    for asker in askers:
        asker.start()
    wait_for(lambda: set(asked) == {first["name"], other["name"]})
    wait_for(lambda: proxy.leave(address, [first["id"]]) == ())
    since = len(asked)
    fleet.restart(first["id"])
    assert first["name"] not in asked[since:]
    wait_for(lambda: proxy.join(address, [first["id"]]) == ())
    back = len(asked)
    wait_for(lambda: first["name"] in asked[back:])
    stop.set()
    for asker in askers:
        asker.join()
    assert failures == []


def test_the_proxy_is_switched_by_nothing_but_json(pair):
    """What a page in a browser may send to another origin unasked is none."""
    _, address = pair
    request = urllib.request.Request(f"{address}{proxy.PATH}", data=b"leave=i-1", method="POST")
    with pytest.raises(urllib.error.HTTPError, match="415"):
        urllib.request.urlopen(request)


def test_without_a_healthy_node_the_proxy_says_so(fleet, pair):
    """503 when no node is healthy, whatever still listens."""
    nodes, address = pair
    for node in nodes:
        faults.delete_release_file(node)

    def code():
        try:
            get(f"{address}/version")
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
