"""Many commands through one ``sh``: a warm command costs two packets instead of a channel.

Each command runs in a subshell with empty standard input, so that ``cd``, ``exit`` and a command that reads
cannot reach the next one. The subshell becomes the program that is run; only for a few builtins that change
nothing it would be a process of its own, and there it is left out. What tells a command's end is 16 random
bytes in hex, made anew for each.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import paramiko

from nightshift_ssh.command import Command, Kept, Result
from nightshift_ssh.deadline import LEAST_SECONDS, Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.reading import Reading
from nightshift_ssh.transport import Heard

MARK_BYTES = 16
STATUS_DIGITS = 3
# Builtins of every sh that can neither set a variable (bash's printf and test can) nor end it.
HARMLESS = frozenset({"true", "false", "echo", "pwd"})


class UpTo(Kept):
    """A stream up to a mark, and so many bytes behind it, in whatever pieces it comes."""

    def __init__(self, limit: int, mark: bytes, behind: int = 0) -> None:
        super().__init__(limit)
        self._mark = mark
        self._behind = behind
        self._held = b""
        self.behind: bytes | None = None

    def add(self, data: bytes) -> None:
        """Take the next bytes; what may be the beginning of the mark is held back."""
        data = self._held + data
        at = data.find(self._mark)
        cut = at if at >= 0 else max(0, len(data) - len(self._mark) + 1)
        super().add(data[:cut])
        self._held = data[cut:]
        behind = self._held[len(self._mark) :]
        if at >= 0 and len(behind) >= self._behind:
            self.behind = behind[: self._behind]


class _UpToTheMarks(Reading):
    """One of the commands of a shell: it is over when both streams have its mark."""

    def __init__(
        self,
        address: Address,
        channel: Heard,
        command: Command,
        ends: Deadline,
        mark: str,
        then: Callable[[], None] | None,
    ) -> None:
        self._out = UpTo(command.limit, mark.encode(), STATUS_DIGITS + 1)
        self._err = UpTo(command.limit, mark.encode())
        super().__init__(address, channel, command, ends, (self._out, self._err), then)

    def changed(self) -> None:
        """A shell that ends is not the end of its command."""
        if self._channel.closed or self._channel.eof_received:
            self._finish()

    def _complete(self) -> bool:
        return self._out.behind is not None and self._err.behind is not None

    def _result(self) -> Result:
        status = (self._out.behind or b"")[:STATUS_DIGITS]
        return Result(int(status), self._out.text(), self._err.text())

    def _broken(self) -> Result:
        raise self.lost()


class Shell:
    """One ``sh`` on one channel. It is broken by any error: then it is closed, and a fresh one is needed.

    Where it differs from exec: a command that a signal ended has the status 128 + its number, as ``sh`` says
    it; and what a command leaves running in the background may print into the output of a later one.
    """

    def __init__(self, address: Address, channel: Heard) -> None:
        """Start ``sh`` on a fresh channel; raises SSHException, OSError or EOFError when that fails."""
        self._address = address
        self._channel = channel
        channel.start("exec sh")

    @property
    def alive(self) -> bool:
        """Whether nothing has told yet that the shell is gone."""
        return not self._channel.closed and not self._channel.eof_received

    @property
    def open(self) -> bool:
        """Whether it can be sent a short line at once."""
        return self.alive and self._channel.out_window_size > self._channel.out_max_packet_size

    def begin(self, command: Command, ends: Deadline, then: Callable[[], None] | None = None) -> Reading:
        """Begin one command; raises as ``Reading.unsent`` says when it cannot be sent."""
        mark = secrets.token_hex(MARK_BYTES)
        reading = _UpToTheMarks(self._address, self._channel, command, ends, mark, then)
        self._channel.listener = reading
        try:
            self._channel.grant()
            self._channel.settimeout(ends.left or LEAST_SECONDS)
            self._channel.sendall(_line(command, mark).encode())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise reading.unsent() from error
        return reading

    def close(self) -> None:
        """End the shell."""
        self._channel.close()


def _line(command: Command, mark: str) -> str:
    words = command.line()
    if command.sudo or command.argv[0] not in HARMLESS:
        words = f"( {words} )"
    return f"{words} </dev/null; printf '%s%03d\\n' {mark} $?; printf %s {mark} >&2\n"
