"""One authenticated connection to one node, and commands on it, each in a channel of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import paramiko

from nightshift.errors import NightshiftError, Retryable
from nightshift_ssh.command import Command, Result
from nightshift_ssh.deadline import LEAST_SECONDS, Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.reading import Reading
from nightshift_ssh.shell import Shell
from nightshift_ssh.transport import Heard, QuietTransport
from nightshift_ssh.wire import QuickSocket

# A server that opens no channel within this is as good as gone.
CHANNEL_SECONDS = 5.0
PROOF = Command(("true",), seconds=CHANNEL_SECONDS, through_shell=True)
SHORT = 16 * 1024  # bytes that an idle socket always takes; the probe of an inspection is 9 KiB
_Channel = TypeVar("_Channel", bound=paramiko.Channel)


class Connection:
    """A Transport whose host key was believed and whose user was let in; one thread uses it at a time."""

    def __init__(
        self, address: Address, transport: QuietTransport, bastion: Connection | None = None
    ) -> None:
        self.address = address
        self._transport = transport
        self._bastion = bastion
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
        command.line()  # what cannot be said is refused before anything is sent
        ends = deadline.sooner(command.seconds)
        if command.through_shell:
            return self._through_shell(command, ends)
        channel = self.session(ends)
        try:
            reading = self.start(channel, command, ends)
            reading.await_end()
            return reading.result()
        finally:
            channel.close()

    def start(
        self, channel: Heard, command: Command, ends: Deadline, then: Callable[[], None] | None = None
    ) -> Reading:
        """Run one command in a fresh channel, with empty standard input, and wait for nothing.

        ``then`` is called, by another thread, when it is done. Raises Retryable ``ssh.connection_lost``.
        """
        channel.listener = reading = Reading(self.address, channel, command, ends, then=then)
        try:
            channel.start(command.line())
            channel.shutdown_write()
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise reading.lost() from error
        return reading

    def _through_shell(self, command: Command, ends: Deadline) -> Result:
        if self._shell is None or not self._shell.alive:
            self._shell = self._fresh_shell(ends)
        reading = self.begin(command, ends)
        reading.await_end()
        try:
            return reading.result()
        except BaseException:
            self.end_shell()
            raise

    @property
    def quiet(self) -> bool:
        """Whether no news of the peer waits to be read."""
        sock = self._transport.sock
        return sock.quiet if isinstance(sock, QuickSocket) else self._bastion is None or self._bastion.quiet

    def ready(self, command: Command) -> bool:
        """Whether a first step can be sent without waiting, and a shell is there if that is asked for."""
        clear = self.alive and self._transport.clear_to_send.is_set() and len(command.line()) < SHORT
        return clear and (not command.through_shell or bool(self._shell and self._shell.open))

    def begin(self, command: Command, deadline: Deadline, then: Callable[[], None] | None = None) -> Reading:
        """Begin one command through the shell that is there, and wait for nothing.

        ``then`` is called, by another thread, when it is done. Raises Retryable ``ssh.connection_lost``;
        after that, or when there is no result in the end, the shell must be ended.
        """
        if self._shell is None:
            raise Retryable("ssh.channel_refused", f"{self.address} has no shell yet", host=self.address)
        try:
            return self._shell.begin(command, deadline.sooner(command.seconds), then)
        except BaseException:
            self.end_shell()
            raise

    def end_shell(self) -> None:
        """End the persistent shell, if there is one."""
        if self._shell:
            self._shell.close()
            self._shell = None

    def _fresh_shell(self, ends: Deadline) -> Shell:
        channel = self.session(ends)
        try:
            return Shell(self.address, channel)
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise Retryable(
                "ssh.channel_refused", f"{self.address}: {words(error)}", host=self.address
            ) from error

    def prove(self, deadline: Deadline) -> None:
        """Hear from the peer that it is there, also for its shell; raises as ``run`` does, and is then ended.

        Only a connection that was idle needs this, and only before a command through its shell: exec opens a
        channel first, and a channel that is not opened has run nothing.
        """
        try:
            self.run(PROOF, deadline)
        except NightshiftError:
            self.close()
            raise

    def session(self, deadline: Deadline) -> Heard:
        """A fresh channel, on which nothing runs yet.

        Raises Retryable ``ssh.channel_refused`` when the server opens none, also when it does not answer
        in ``deadline`` or ``CHANNEL_SECONDS``.
        """
        return self._opened(self._transport.session, deadline)

    def ask(self, then: Callable[[], None]) -> Heard:
        """Ask for a fresh channel, and wait for nothing; ``then`` is called at the answer.

        Raises as ``session``.
        """
        try:
            return self._transport.ask(then)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._opens_none(error) from error

    def forward(self, address: Address, deadline: Deadline) -> paramiko.Channel:
        """A channel to ``address`` from here on: this node is a bastion. Raises as ``session`` does."""
        there, here = (address.host, address.port), ("127.0.0.1", 0)

        def asked(seconds: float) -> paramiko.Channel:
            return self._transport.open_channel("direct-tcpip", there, here, timeout=seconds)

        return self._opened(asked, deadline)

    def _opened(self, asked: Callable[[float], _Channel], deadline: Deadline) -> _Channel:
        patient = deadline.left >= CHANNEL_SECONDS
        seconds = deadline.sooner(CHANNEL_SECONDS).left or LEAST_SECONDS
        try:
            return asked(seconds)
        except (paramiko.SSHException, OSError, EOFError) as error:
            if patient and not isinstance(error, paramiko.ChannelException):
                self.close()  # it had all the time that there is: whoever comes next needs a fresh one
            raise self._opens_none(error) from error

    def _opens_none(self, error: Exception) -> Retryable:
        told = f"{self.address} opens no channel: {words(error)}"
        return Retryable("ssh.channel_refused", told, host=self.address)

    def close(self) -> None:
        """End it; never waits for the peer."""
        self._transport.end()


def words(error: BaseException) -> str:
    """What an error of the connection says, or its kind when it says nothing."""
    return str(error) or type(error).__name__
