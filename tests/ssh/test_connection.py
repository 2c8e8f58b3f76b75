"""One connection: whose host key is believed, who is let in, how long anything may take."""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import time

import paramiko
import pytest

from nightshift.errors import NightshiftError
from nightshift_ssh import transport
from nightshift_ssh.command import Command
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.handshake import connect
from nightshift_ssh.login import Address, Login
from nightshift_ssh.transport import QuietTransport
from tests.ssh.conftest import PATIENCE
from tests.ssh.servers import another_key, free_port, make_key, mute

SOON = 0.5


def refusal(address, login, seconds=PATIENCE, bastion=None) -> NightshiftError:
    with pytest.raises(NightshiftError) as caught:
        connect(address, login, Deadline.after(seconds), bastion)
    return caught.value


def fingerprint(key: str, tmp_path) -> str:
    file = tmp_path / "key.pub"
    file.write_text(f"{key}\n")
    told = subprocess.run(["ssh-keygen", "-l", "-f", str(file)], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


def test_an_unknown_host_key_is_refused_with_its_fingerprint(site, server, tmp_path):
    """The operator can compare it with what ssh-keygen prints on the node."""
    error = refusal(server.address(), site.login(""))
    assert error.code == "ssh.host_key_unknown"
    assert fingerprint(server.public_key, tmp_path) in error.message
    assert error.context["known"] == "none"


def test_a_changed_host_key_is_refused_with_both_fingerprints(site, server, tmp_path):
    """Somebody in between looks just like that."""
    error = refusal(server.address(), site.login(server.known(another_key(7))))
    assert error.code == "ssh.host_key_changed"
    assert fingerprint(server.public_key, tmp_path) in error.message
    assert fingerprint(another_key(7), tmp_path) in error.message
    assert not error.recoverable


def test_a_revoked_host_key_is_refused_although_it_is_listed(site, server):
    """@revoked wins over a plain line."""
    login = site.login(server.known() + f"@revoked * {server.public_key}\n")
    assert refusal(server.address(), login).code == "ssh.host_key_revoked"


def test_what_sshd_computes_cheaply_and_checks_before_it_decrypts_is_agreed_on(site, server, monkeypatch):
    """P-256 and GCM; paramiko alone would agree on Curve25519, and CTR with a MAC over the plain text."""
    agreed = []
    activate = QuietTransport._activate_outbound

    def noted(self):
        activate(self)
        agreed.append((type(self.kex_engine).__name__, self.local_cipher, self.remote_cipher))

    monkeypatch.setattr(QuietTransport, "_activate_outbound", noted)
    connect(server.address(), site.login(), Deadline.after(PATIENCE)).close()
    gcm = "aes128-gcm@openssh.com"
    assert agreed == [("KexNistp256", gcm, gcm)]


@pytest.mark.parametrize("only", ["KexAlgorithms curve25519-sha256@libssh.org", "Ciphers aes256-ctr"])
def test_a_server_that_has_none_of_what_is_asked_for_first_is_reached_all_the_same(site, only):
    """They are preferences; what is sound is enough."""
    other = site.sshd("127.0.1.77", settings=only)
    login = site.login()
    connection = connect(other.address(), login, Deadline.after(PATIENCE))
    assert connection.run(Command(("echo", "there")), Deadline.after(PATIENCE)).stdout == "there\n"
    connection.close()


def test_a_key_of_another_port_is_not_believed(site, server):
    """known_hosts names ports other than 22."""
    login = site.login(f"{server.hosts[0]} {server.public_key}\n")
    assert refusal(server.address(), login).code == "ssh.host_key_unknown"


def test_hashed_names_are_found(site, server, tmp_path):
    """As `ssh-keygen -H` writes them."""
    file = tmp_path / "known_hosts"
    file.write_text(server.known())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], capture_output=True, check=True)
    assert server.hosts[0] not in file.read_text()
    connect(server.address(), site.login(file.read_text()), Deadline.after(PATIENCE)).close()


def test_a_refused_login_is_told_from_a_refused_host(site, server, tmp_path):
    """Another client key: the host is right, we are not."""
    private_key, _ = make_key(tmp_path / "stranger")
    credentials = site.credentials()
    login = Login.of(type(credentials)(credentials.user, private_key, credentials.known_hosts_text))
    assert refusal(server.address(), login).code == "ssh.auth_refused"


def test_a_closed_port_is_unreachable(site):
    """Nobody listens."""
    assert refusal(Address("127.0.0.2", free_port()), site.login()).code == "ssh.unreachable"


def test_a_name_that_does_not_resolve_is_unreachable(site):
    """Reserved so that it never resolves."""
    assert refusal(Address("nowhere.invalid"), site.login()).code == "ssh.unreachable"


def test_a_host_that_never_answers_ends_with_the_deadline(site):
    """It takes the connection and says nothing; the reading thread ends as well."""
    before = threading.active_count()
    with mute("127.0.0.4") as address:
        error = refusal(address, site.login(), seconds=SOON)
        assert error.code == "ssh.connect_timeout"
        assert error.recoverable
    ends = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < ends:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_a_host_that_speaks_no_ssh_fails_its_handshake(site):
    """A web server on the wrong port, say."""
    with socket.create_server(("127.0.0.4", 0)) as listener:

        def answer():
            peer, _ = listener.accept()
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()

        threading.Thread(target=answer, daemon=True).start()
        error = refusal(Address("127.0.0.4", listener.getsockname()[1]), site.login())
    assert error.code == "ssh.handshake_failed"


def test_a_bastion_carries_a_connection(site, server):
    """The target's own host key is checked, end to end."""
    bastion = connect(server.address(0), site.login(), Deadline.after(PATIENCE))
    target = server.address(1, via=server.address(0))
    inner = connect(target, site.login(), Deadline.after(PATIENCE), bastion)
    try:
        assert inner.run(Command(("echo", "through")), Deadline.after(PATIENCE)).stdout == "through\n"
        here = Command(("sh", "-c", "echo $SSH_CONNECTION"))
        assert inner.run(here, Deadline.after(PATIENCE)).stdout.split()[2] == server.hosts[1]
        error = refusal(target, site.login(""), bastion=bastion)
        assert error.code == "ssh.host_key_unknown"
        assert "via 127.0.0.2" in error.context.get("host", "") or server.hosts[1] in error.message
    finally:
        inner.close()
        bastion.close()


def test_a_bastion_that_cannot_reach_the_target_says_so(site, server):
    """Nothing listens behind it."""
    bastion = connect(server.address(0), site.login(), Deadline.after(PATIENCE))
    target = Address("127.0.0.3", free_port(), server.address(0))
    assert refusal(target, site.login(), bastion=bastion).code == "ssh.channel_refused"
    bastion.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("web-1 ssh-ed25519", "2 fields"),
        ("web-1 ssh-ed25519 not*base64", "base64"),
        (
            "web-1 ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",
            "no ssh-rsa key",
        ),
        (f"*.example.com {another_key(1)}", "pattern"),
        (f"@cert-authority web-1 {another_key(1)}", "@cert-authority"),
        (f"|1|x {another_key(1)}", "hashed"),
    ],
)
def test_a_line_of_known_hosts_that_cannot_be_read_is_believed_by_nobody(site, server, line, words):
    """The hosts beside it are reached; one that is not listed is refused and hears of the line."""
    login = site.login(f"# ours\n\n{server.known().splitlines()[0]}\n{line}\n")
    (unreadable,) = login.hosts.unreadable
    assert str(unreadable).startswith("known_hosts line 4: ")
    assert words in str(unreadable)
    connect(server.address(0), login, Deadline.after(PATIENCE)).close()
    error = refusal(server.address(1), login)
    assert error.code == "ssh.host_key_unknown"
    assert str(unreadable) in error.message


def test_a_host_whose_own_line_cannot_be_read_is_refused_with_its_number(site, server):
    """Another of its lines that can be read is enough."""
    first, second = server.known().splitlines()
    torn = first.rsplit(" ", 1)[0]
    login = site.login(f"{torn}\n{second}\n")
    error = refusal(server.address(0), login)
    assert error.code == "ssh.known_hosts_unreadable"
    assert error.context["line"] == "1"
    assert "line 1" in error.message
    connect(server.address(1), login, Deadline.after(PATIENCE)).close()
    connect(server.address(0), site.login(f"{torn}\n{first}\n"), Deadline.after(PATIENCE)).close()


@pytest.mark.parametrize(
    ("line", "refused"),
    [
        ("@revoked * ssh-ed25519 torn", [0, 1]),
        ("@revoked", [0, 1]),
        ("@revoked [{host}]:{port} ssh-ed25519", [0]),
        ("@revoked |1|abc=|def= ssh-ed25519", [0, 1]),
        ("@unheard-of [{host}]:{port} ssh-ed25519 torn", [0]),
        ("@cert-authority * ssh-ed25519 torn", []),
    ],
)
def test_a_line_that_might_revoke_a_key_refuses_the_hosts_that_it_may_mean(site, server, line, refused):
    """Although they are listed: the revoked key may be theirs."""
    line = line.format(host=server.hosts[0], port=server.port)
    login = site.login(f"{server.known()}{line}\n")
    for index in (0, 1):
        if index in refused:
            assert refusal(server.address(index), login).code == "ssh.known_hosts_unreadable"
        else:
            connect(server.address(index), login, Deadline.after(PATIENCE)).close()


def test_nothing_is_believed_of_a_line_that_is_good_in_part_only(site, server):
    """A name beside a pattern."""
    name, key = server.known().splitlines()[0].split(" ", 1)
    error = refusal(server.address(0), site.login(f"{name},*.example.com {key}\n"))
    assert error.code == "ssh.known_hosts_unreadable"


def test_a_key_that_cannot_be_read_is_refused_without_a_trace_of_it(site):
    """Neither the message nor a logged traceback holds the secret."""
    credentials = site.credentials()
    torn = type(credentials)("nightshift", credentials.private_key_pem[:-60], "")
    with pytest.raises(NightshiftError) as caught:
        Login.of(torn)
    assert caught.value.code == "ssh.key_unreadable"
    assert caught.value.__cause__ is None
    secret = credentials.private_key_pem.splitlines()[2]
    assert secret not in f"{caught.value}{torn!r}{site.login()!r}{credentials!r}"


def test_the_seams_of_paramiko_are_where_they_were(connection):
    """What wire.py sets is still what paramiko reads."""
    assert paramiko.Transport._active_check_timeout == 0.1
    for name in ("_send_user_message", "_next_channel"):
        assert callable(getattr(paramiko.Transport, name))
    for name, handler in vars(transport.Heard).items():
        if callable(handler) and name.startswith("_") and name not in {"__init__", "_hear", "_tell"}:
            assert callable(getattr(paramiko.Channel, name))
    for handler in paramiko.Transport._channel_handler_table.values():
        assert handler is getattr(paramiko.Channel, handler.__name__)
    sock = connection._transport.sock
    assert sock.gettimeout() == transport.WAKE_SECONDS
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


def test_a_connection_is_one_thread_from_the_beginning(site, server, monkeypatch):
    """The one that reads; paramiko's own timer of the handshake would be another."""
    started = []
    real = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self) or real(self))
    connection = connect(server.address(), site.login(), Deadline.after(PATIENCE))
    assert started == [connection._transport]
    connection.close()


def test_nothing_is_logged_by_paramiko_itself(site, server, caplog):
    """Failures come as errors with codes, once."""
    with caplog.at_level(logging.DEBUG):
        refusal(server.address(), site.login(""))
        connect(server.address(), site.login(), Deadline.after(PATIENCE)).close()
    assert [record for record in caplog.records if record.name.startswith("paramiko")] == []
