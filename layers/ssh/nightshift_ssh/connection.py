"""One authenticated connection to one node, and commands on it, each in a channel of its own."""

from __future__ import annotations

import contextlib
import threading

import paramiko

from nightshift.errors import NightshiftError, Permanent, Retryable
from nightshift_ssh.command import Command, Result
from nightshift_ssh.deadline import LEAST_SECONDS, Deadline
from nightshift_ssh.hosts import HostKey
from nightshift_ssh.login import Address, Login
from nightshift_ssh.reading import Reading
from nightshift_ssh.shell import Shell
from nightshift_ssh.wire import QuickSocket, QuietTransport, start

# A server that opens no channel within this is as good as gone.
CHANNEL_SECONDS = 5.0
# What a server may sign with for a key of each kind that known_hosts names.
ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}

_End = tuple[str, int]


class Connection:
    """A Transport whose host key was believed and whose user was let in; one thread uses it at a time."""

    def __init__(self, address: Address, transport: paramiko.Transport) -> None:
        self.address = address
        self._transport = transport
        self._shell: Shell | None = None

    @property
    def alive(self) -> bool:
        """Whether nothing has told yet that the connection is gone."""
        return self._transport.is_active()

    def run(self, command: Command, deadline: Deadline) -> Result:
        """Run one command in a channel of its own, or through the persistent shell if it asks for that.

        Raises Retryable ``ssh.command_timeout`` when it did not end in time (whether it goes on running on
        the node is unknown), ``ssh.connection_lost``; Permanent ``ssh.output_flood``; see ``session``.
        """
        line = command.line()
        ends = deadline.sooner(command.seconds)
        if command.through_shell:
            return self._through_shell(command, ends)
        channel = self.session(ends)
        try:
            reading = Reading(self.address, channel, command, ends)
            try:
                start(channel, line)
                channel.shutdown_write()
            except (paramiko.SSHException, OSError, EOFError) as error:
                raise reading.lost() from error
            return reading.to_the_end()
        finally:
            channel.close()

    def _through_shell(self, command: Command, ends: Deadline) -> Result:
        shell, self._shell = self._shell, None
        if shell is None or not shell.alive:
            shell = self._fresh_shell(ends)
        try:
            result = shell.run(command, ends)
        except BaseException:
            shell.close()
            raise
        self._shell = shell
        return result

    def _fresh_shell(self, ends: Deadline) -> Shell:
        channel = self.session(ends)
        try:
            return Shell(self.address, channel)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise Retryable(
                "ssh.channel_refused", f"{self.address}: {_words(error)}", host=self.address
            ) from error

    def prove(self, deadline: Deadline) -> None:
        """Hear from the peer that it is there, also for its shell; raises as ``run`` does, and is then ended.

        Only a connection that was idle needs this, and only before a command through its shell: exec opens a
        channel first, and a channel that is not opened has run nothing.
        """
        try:
            self.run(Command(("true",), seconds=CHANNEL_SECONDS, through_shell=True), deadline)
        except NightshiftError:
            self.close()
            raise

    def session(self, deadline: Deadline) -> paramiko.Channel:
        """A fresh channel, on which nothing runs yet.

        Raises Retryable ``ssh.channel_refused`` when the server opens none, also when it does not answer
        in ``deadline`` or ``CHANNEL_SECONDS``.
        """
        return self._channel("session", deadline)

    def forward(self, address: Address, deadline: Deadline) -> paramiko.Channel:
        """A channel to ``address`` from here on: this node is a bastion. Raises as ``session`` does."""
        return self._channel("direct-tcpip", deadline, (address.host, address.port), ("127.0.0.1", 0))

    def _channel(
        self, kind: str, deadline: Deadline, there: _End | None = None, here: _End | None = None
    ) -> paramiko.Channel:
        patient = deadline.left >= CHANNEL_SECONDS
        seconds = deadline.sooner(CHANNEL_SECONDS).left or LEAST_SECONDS
        try:
            return self._transport.open_channel(kind, there, here, timeout=seconds)
        except (paramiko.SSHException, OSError, EOFError) as error:
            if patient and not isinstance(error, paramiko.ChannelException):
                self.close()  # it had all the time that there is: whoever comes next needs a fresh one
            raise Retryable(
                "ssh.channel_refused", f"{self.address} opens no channel: {_words(error)}", host=self.address
            ) from error

    def close(self) -> None:
        """End it; never waits for the peer."""
        end(self._transport)


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
            end(transport)
        if isinstance(error, (paramiko.SSHException, OSError, EOFError)):
            raise Retryable("ssh.handshake_failed", f"{address}: {_words(error)}", host=address) from error
        raise
    return Connection(address, transport)


def _socket(address: Address, ends: Deadline) -> QuickSocket:
    try:
        return QuickSocket.connect_to(address.host, address.port, ends.left or LEAST_SECONDS)
    except TimeoutError as error:
        raise _late(address, "connected") from error
    except (OSError, UnicodeError) as error:
        raise Retryable("ssh.unreachable", f"{address}: {_words(error)}", host=address) from error


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
    """Ask first for keys of the kinds that are known: a server has several, and sends one."""
    options = transport.get_security_options()
    wanted = [name for kind in kinds for name in ALGORITHMS.get(kind, (kind,))]
    usable = [name for name in wanted if name in options.key_types]
    options.key_types = tuple(dict.fromkeys([*usable, *options.key_types]))


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


def end(transport: paramiko.Transport) -> None:
    """Close the socket under it first: that wakes the thread which reads from it."""
    with contextlib.suppress(OSError, EOFError):
        transport.sock.close()
    transport.close()


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__
