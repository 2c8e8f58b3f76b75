"""A connection is made: whose host key is believed, and whose user was let in."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import paramiko

from nightshift.errors import Permanent, Retryable
from nightshift_ssh.connection import CHANNEL_SECONDS, Connection, words
from nightshift_ssh.deadline import LEAST_SECONDS, Deadline
from nightshift_ssh.hosts import HostKey
from nightshift_ssh.login import Address, Login
from nightshift_ssh.transport import QuietTransport
from nightshift_ssh.wire import QuickSocket

# What a server may sign with for a key of each kind that known_hosts names.
ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
# Asked for in this order, then as paramiko does. OpenSSH computes Curve25519 with portable C of its own and
# P-256 with OpenSSL's assembly: an eighth of all that sshd spends on a connection.
EXCHANGES = ("mlkem768x25519-sha256", "ecdh-sha2-nistp256")
# Ciphers that authenticate what they encrypt; paramiko would take CTR with a MAC over the plain text first.
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")


def connect(
    address: Address, login: Login, deadline: Deadline, bastion: Connection | None = None
) -> Connection:
    """A connection to ``address`` (through ``bastion``) by ``deadline``.

    Raises Retryable ``ssh.unreachable`` (refused, no route, no such name), ``ssh.connect_timeout``,
    ``ssh.handshake_failed``; Refused ``ssh.host_key_unknown``, ``ssh.host_key_changed``,
    ``ssh.host_key_revoked``; Permanent ``ssh.auth_refused``.
    """
    sock = bastion.forward(address, deadline) if bastion else _socket(address, deadline)
    transport = None
    try:
        transport = QuietTransport(sock)
        transport.clear_to_send_timeout = CHANNEL_SECONDS
        _shake_hands(transport, address, login, deadline)
        _log_in(transport, address, login, deadline)
    except BaseException as error:
        sock.close()
        if transport:
            transport.end()
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            raise Retryable("ssh.handshake_failed", f"{address}: {words(error)}", host=address) from error
        raise
    return Connection(address, transport, bastion)


def _socket(address: Address, ends: Deadline) -> QuickSocket:
    try:
        return QuickSocket.connect_to(address.host, address.port, ends.left or LEAST_SECONDS)
    except TimeoutError as error:
        raise _late(address, "connected") from error
    except (OSError, UnicodeError) as error:
        raise Retryable("ssh.unreachable", f"{address}: {words(error)}", host=address) from error


def _shake_hands(transport: paramiko.Transport, address: Address, login: Login, ends: Deadline) -> None:
    known = login.hosts.keys(address.host, address.port)
    _prefer(transport, [key.kind for key in known])
    agreed = threading.Event()
    # Its own timers are coarser than ours and look only every WAKE_SECONDS.
    transport.start_client(event=agreed)
    _await(transport, agreed, address, ends, "answered with a host key")
    offered = transport.get_remote_server_key()
    login.hosts.check(address.host, address.port, HostKey(offered.get_name(), offered.asbytes()))


def _prefer(transport: paramiko.Transport, kinds: list[str]) -> None:
    """Ask first for EXCHANGES, CIPHERS, and keys of known kinds: a server has several, and sends one."""
    options = transport.get_security_options()
    wanted = [name for kind in kinds for name in ALGORITHMS.get(kind, (kind,))]
    options.key_types = _first(wanted, options.key_types)
    options.kex = _first(EXCHANGES, options.kex)
    options.ciphers = _first(CIPHERS, options.ciphers)


def _first(wanted: Sequence[str], usable: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(name for name in wanted if name in usable), *usable]))


def _log_in(transport: paramiko.Transport, address: Address, login: Login, ends: Deadline) -> None:
    answered = threading.Event()
    transport.auth_publickey(login.user, login.key, event=answered)
    try:
        _await(transport, answered, address, ends, "answered the login")
    except paramiko.AuthenticationException as error:
        raise _not_let_in(address, login) from error
    if not transport.is_authenticated():
        cause = transport.get_exception()
        if cause is not None and not isinstance(cause, paramiko.AuthenticationException):
            raise cause
        raise _not_let_in(address, login)


def _not_let_in(address: Address, login: Login) -> Permanent:
    return Permanent(
        "ssh.auth_refused",
        f"{address} does not let {login.user} in with the key {login.key.fingerprint}",
        host=address,
        user=login.user,
    )


def _await(
    transport: paramiko.Transport, event: threading.Event, address: Address, ends: Deadline, what: str
) -> None:
    if not event.wait(ends.left):
        raise _late(address, what)
    if not transport.is_active():
        raise transport.get_exception() or EOFError("the server hung up")


def _late(address: Address, what: str) -> Retryable:
    return Retryable("ssh.connect_timeout", f"{address} has not {what} in time", host=address)
