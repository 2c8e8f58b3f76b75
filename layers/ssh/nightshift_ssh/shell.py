"""Many commands through one ``sh``: a warm command costs two packets instead of a channel.

Each command runs in a subshell with empty standard input, so that ``cd``, ``exit`` and a command that reads
cannot reach the next one. What tells its end is 16 random bytes in hex, made anew for each command.
"""

from __future__ import annotations

import secrets

import paramiko

from nightshift_ssh.command import Command, Kept, Result
from nightshift_ssh.deadline import LEAST_SECONDS, Deadline
from nightshift_ssh.login import Address
from nightshift_ssh.reading import Reading
from nightshift_ssh.wire import start

MARK_BYTES = 16
STATUS_DIGITS = 3


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


class Shell:
    """One ``sh`` on one channel. It is broken by any error: then it is closed, and a fresh one is needed.

    Where it differs from exec: a command that a signal ended has the status 128 + its number, as ``sh`` says
    it; and what a command leaves running in the background may print into the output of a later one.
    """

    def __init__(self, address: Address, channel: paramiko.Channel) -> None:
        """Start ``sh`` on a fresh channel; raises SSHException, OSError or EOFError when that fails."""
        self._address = address
        self._channel = channel
        start(channel, "exec sh")

    @property
    def alive(self) -> bool:
        """Whether nothing has told yet that the shell is gone."""
        return not self._channel.closed and not self._channel.eof_received

    def run(self, command: Command, ends: Deadline) -> Result:
        """Run one command. Raises as ``Connection.run`` does."""
        mark = secrets.token_hex(MARK_BYTES)
        line = f"( {command.line()} ) </dev/null; printf '%s%03d\\n' {mark} $?; printf %s {mark} >&2\n"
        stdout = UpTo(command.limit, mark.encode(), STATUS_DIGITS + 1)
        stderr = UpTo(command.limit, mark.encode())
        reading = Reading(self._address, self._channel, command, ends, (stdout, stderr))
        try:
            self._channel.settimeout(ends.left or LEAST_SECONDS)
            self._channel.sendall(line.encode())
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise reading.lost() from error
        while stdout.behind is None:
            if not reading.more_stdout():
                raise reading.lost()
        while stderr.behind is None:
            if not reading.more_stderr():
                raise reading.lost()
        return Result(int(stdout.behind[:STATUS_DIGITS]), stdout.text(), stderr.text())

    def close(self) -> None:
        """End the shell."""
        self._channel.close()
