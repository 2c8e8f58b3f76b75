"""What a command prints, kept as it comes, to its end or to its deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nightshift.errors import Permanent, Retryable
from nightshift_ssh.command import FLOOD, Command, Kept, Result
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.transport import Heard

NO_STATUS = -1  # as paramiko says that the server told none


class Reading:
    """One command's streams on one channel, and how it ended.

    The thread that reads from the socket fills it, and calls ``then`` once when it is done. Whoever has begun
    the command waits for that, or asks for the ``result`` when it was told.
    """

    def __init__(
        self,
        address: Address,
        channel: Heard,
        command: Command,
        ends: Deadline,
        streams: tuple[Kept, Kept] | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        self._address = address
        self._channel = channel
        self._command = command
        self.ends = ends
        self.stdout, self.stderr = streams or (Kept(command.limit), Kept(command.limit))
        self._done = threading.Event()
        self._then = then

    def heard(self, data: bytes, *, on_stderr: bool) -> None:
        """Keep the next bytes."""
        kept = self.stderr if on_stderr else self.stdout
        kept.add(data)
        if kept.seen > FLOOD or self._complete():
            self._finish()

    def changed(self) -> None:
        """See whether this was the end."""
        if self._channel.closed or self._complete():
            self._finish()

    def _complete(self) -> bool:
        told = self._channel.exit_status != NO_STATUS or self._channel.exit_signal is not None
        return bool(self._channel.eof_received) and told

    def _finish(self) -> None:
        if not self._done.is_set():
            self._done.set()
            if self._then:
                self._then()

    @property
    def done(self) -> bool:
        """Whether it came to an end, whichever."""
        return self._done.is_set()

    @property
    def well(self) -> bool:
        """Whether there is a result, and nothing to be raised."""
        return self._done.is_set() and self._complete() and not self._flooded

    @property
    def _flooded(self) -> bool:
        return max(self.stdout.seen, self.stderr.seen) > FLOOD

    def await_end(self) -> None:
        """Wait until it is done, or its time is over."""
        self._done.wait(self.ends.left)

    def result(self) -> Result:
        """What came of the command.

        Raises Retryable ``ssh.command_timeout`` when it is not done, ``ssh.connection_lost``,
        ``ssh.channel_refused``; Permanent ``ssh.output_flood``.
        """
        if not self._done.is_set():
            raise self._late()
        if self._flooded:
            raise self._flood()
        if self._complete():
            return self._result()
        if self._channel.refused:
            raise self.unsent()
        return self._broken()

    def _result(self) -> Result:
        status, signal = self._channel.exit_status, self._channel.exit_signal
        told = None if status == NO_STATUS else status
        return Result(told, self.stdout.text(), self.stderr.text(), signal)

    def _broken(self) -> Result:
        """The channel was closed before the end was told: a server may do that, a lost connection does."""
        if self._channel.ended_by_peer and self._channel.event_ready:
            return self._result()
        raise self.lost()

    def unsent(self) -> Retryable:
        """The command could not be sent: the server takes none, or the connection broke."""
        if not self._channel.refused:
            return self.lost()
        return Retryable("ssh.channel_refused", f"{self._address} does not take commands", host=self._address)

    def lost(self) -> Retryable:
        """The connection broke under the command."""
        return Retryable(
            "ssh.connection_lost",
            f"{self._address} went away while {self._command.argv[0]} ran; whether it ended is unknown",
            host=self._address,
        )

    def _late(self) -> Retryable:
        return Retryable(
            "ssh.command_timeout",
            f"{self._command.argv[0]} on {self._address} did not end in time (at most "
            f"{self._command.seconds:g} s); whether it still runs is unknown",
            host=self._address,
        )

    def _flood(self) -> Permanent:
        return Permanent(
            "ssh.output_flood",
            f"{self._command.argv[0]} on {self._address} printed more than {FLOOD} bytes",
            host=self._address,
        )
