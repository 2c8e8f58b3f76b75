"""Reading what a command prints, to its end or to its deadline."""

from __future__ import annotations

from collections.abc import Callable

import paramiko

from nightshift.errors import Permanent, Retryable
from nightshift_ssh.command import FLOOD, Command, Kept, Result
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.login import Address

CHUNK = 32 * 1024
# Both streams share the channel's window: stderr is emptied at least so often, or it would stop stdout.
LOOK_SECONDS = 0.2
NO_STATUS = -1  # as paramiko says that the server told none


class Reading:
    """One command's streams on one channel."""

    def __init__(
        self,
        address: Address,
        channel: paramiko.Channel,
        command: Command,
        ends: Deadline,
        streams: tuple[Kept, Kept] | None = None,
    ) -> None:
        self._address = address
        self._channel = channel
        self._command = command
        self._ends = ends
        self.stdout, self.stderr = streams or (Kept(command.limit), Kept(command.limit))

    def to_the_end(self) -> Result:
        """Everything until the server closes the streams and tells the status.

        Raises Retryable ``ssh.command_timeout``, ``ssh.connection_lost``, ``ssh.channel_refused``;
        Permanent ``ssh.output_flood``.
        """
        while self.more_stdout():
            pass
        while self.more_stderr():
            pass
        if not self._channel.status_event.wait(self._ends.left):
            raise self.late()
        return self._result()

    def more_stdout(self) -> bytes:
        """The next bytes of stdout, which were kept; none at its end. Raises as ``to_the_end``."""
        return self._more(self._channel.recv, self.stdout)

    def more_stderr(self) -> bytes:
        """The next bytes of stderr, which were kept; none at its end. Raises as ``to_the_end``."""
        return self._more(self._channel.recv_stderr, self.stderr)

    def _more(self, receive: Callable[[int], bytes], kept: Kept) -> bytes:
        while not self._ends.over:
            self._channel.settimeout(min(LOOK_SECONDS, self._ends.left) or LOOK_SECONDS)
            try:
                data = receive(CHUNK)
            except TimeoutError:
                self._empty_stderr()
                continue
            self._keep(kept, data)
            return data
        raise self.late()

    def _empty_stderr(self) -> None:
        while self._channel.recv_stderr_ready():
            self._keep(self.stderr, self._channel.recv_stderr(CHUNK))

    def _keep(self, kept: Kept, data: bytes) -> None:
        kept.add(data)
        if kept.seen > FLOOD:
            raise Permanent(
                "ssh.output_flood",
                f"{self._command.argv[0]} on {self._address} printed more than {FLOOD} bytes",
                host=self._address,
            )

    def _result(self) -> Result:
        signal = getattr(self._channel, "exit_signal", None)
        status = self._channel.exit_status
        if status != NO_STATUS or signal:
            told = None if status == NO_STATUS else status
            return Result(told, self.stdout.text(), self.stderr.text(), signal)
        if self._channel.transport is None or not self._channel.transport.is_active():
            raise self.lost()
        if not self._channel.event_ready:
            raise Retryable(
                "ssh.channel_refused", f"{self._address} does not take commands", host=self._address
            )
        return Result(None, self.stdout.text(), self.stderr.text())

    def late(self) -> Retryable:
        """The command did not end in time."""
        return Retryable(
            "ssh.command_timeout",
            f"{self._command.argv[0]} on {self._address} did not end in time (at most "
            f"{self._command.seconds:g} s); whether it still runs is unknown",
            host=self._address,
        )

    def lost(self) -> Retryable:
        """The connection broke under the command."""
        return Retryable(
            "ssh.connection_lost",
            f"{self._address} went away while {self._command.argv[0]} ran; whether it ended is unknown",
            host=self._address,
        )
