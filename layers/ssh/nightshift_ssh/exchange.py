"""A command on a warm connection, taken step by step by somebody who waits for none of the steps."""

from __future__ import annotations

from collections.abc import Callable

from nightshift.errors import Retryable
from nightshift_ssh.command import Command, Result
from nightshift_ssh.connection import CHANNEL_SECONDS, PROOF, Connection
from nightshift_ssh.deadline import Deadline
from nightshift_ssh.reading import Reading


class Exchange:
    """The steps of one command.

    ``then`` is called, by another thread, whenever ``go_on`` has something to do. ``ends`` is when the step
    that is waited for must be done. ``result`` must be asked for in any case.
    """

    def __init__(
        self, connection: Connection, command: Command, deadline: Deadline, then: Callable[[], None]
    ) -> None:
        self.connection = connection
        self.command = command
        self.ends = deadline.sooner(CHANNEL_SECONDS)
        self._deadline = deadline
        self._then = then
        self._reading: Reading | None = None
        self._failure: Exception | None = None

    def go_on(self) -> bool:
        """Take the next step, if it is time; True when none is left. It never waits; ``result`` raises."""
        if self._failure:
            return True
        if self._reading:
            return self._reading.done
        try:
            self._begin(self._next())
        except Exception as error:  # noqa: BLE001 - result raises it
            self._failure = error
            return True
        return False

    def _begin(self, reading: Reading) -> None:
        self._reading = reading
        self.ends = reading.ends

    def _next(self) -> Reading:
        """Begin the command itself, after the first step was answered; raises if that was no."""
        raise NotImplementedError

    @property
    def well(self) -> bool:
        """Whether there is a result: then ``result`` waits for nothing and raises nothing."""
        return self._reading is not None and self._reading.well and not self._failure

    def result(self) -> Result:
        """What came of it by now; raises as ``Connection.run`` does."""
        if self._failure:
            raise self._failure
        if not self._reading:
            self.connection.close()  # it had all the time that there is: whoever comes next needs a fresh one
            raise self._refusal("does not answer")
        return self._reading.result()

    def _refusal(self, what: str) -> Retryable:
        address = self.connection.address
        return Retryable("ssh.channel_refused", f"{address} {what}", host=address)


class ByExec(Exchange):
    """Open a channel, then run the command in it."""

    def __init__(
        self, connection: Connection, command: Command, deadline: Deadline, then: Callable[[], None]
    ) -> None:
        super().__init__(connection, command, deadline, then)
        self._channel = connection.ask(then)

    def _next(self) -> Reading:
        if not self._channel.active:
            raise self._refusal("opens no channel")
        ends = self._deadline.sooner(self.command.seconds)
        return self.connection.start(self._channel, self.command, ends, self._then)

    def result(self) -> Result:
        """As ever; the channel is closed."""
        try:
            return super().result()
        finally:
            self._channel.close()


class ThroughShell(Exchange):
    """Through the shell that is there; ``proven`` is False if that must first show that it is."""

    def __init__(
        self,
        connection: Connection,
        command: Command,
        deadline: Deadline,
        then: Callable[[], None],
        *,
        proven: bool,
    ) -> None:
        super().__init__(connection, command, deadline, then)
        self._proof: Reading | None = None
        if proven:
            self._begin(connection.begin(command, deadline, then))
        else:
            self._proof = connection.begin(PROOF, deadline, then)

    def _next(self) -> Reading:
        if not self._proof or not self._proof.well:
            self.connection.close()
            raise self._refusal("has lost its shell")
        return self.connection.begin(self.command, self._deadline, self._then)

    def result(self) -> Result:
        """As ever; a shell that did not come to the command's end is ended."""
        try:
            return super().result()
        except BaseException:
            self.connection.end_shell()
            raise
