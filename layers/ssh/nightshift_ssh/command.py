"""A command as it is asked for, and what came of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from nightshift.errors import Refused

KIBIBYTE = 1024
OUTPUT_LIMIT = 64 * KIBIBYTE
FLOOD = 16 * KIBIBYTE * KIBIBYTE


@dataclass(frozen=True)
class Command:
    """One program with its arguments.

    Attributes:
        argv: never a string for a shell; each argument is quoted. ``("sh", "-c", script)`` runs a script.
        sudo: run as root by ``sudo -n``, which fails at once instead of asking for a password.
        seconds: how long it may take.
        limit: bytes that are kept of each of its streams; what follows is read, counted and dropped.
        through_shell: run in the connection's persistent ``sh`` instead of a channel of its own.
    """

    argv: tuple[str, ...]
    sudo: bool = False
    seconds: float = 30.0
    limit: int = OUTPUT_LIMIT
    through_shell: bool = False

    def line(self) -> str:
        """The command as the remote shell reads it.

        Raises Refused ``ssh.argument_unsafe`` for no program at all, or a NUL byte, which no quoting keeps.
        """
        if not self.argv or not self.argv[0]:
            raise Refused("ssh.argument_unsafe", "the command names no program")
        if any("\0" in word for word in self.argv):
            raise Refused("ssh.argument_unsafe", "an argument holds a NUL byte")
        return shlex.join(["sudo", "-n", "--", *self.argv] if self.sudo else self.argv)


@dataclass(frozen=True)
class Result:
    """How a command ended.

    ``exit_status`` is None when the server told none; ``signal`` then names what ended it (``TERM``), where
    the server told that. ``stdout`` and ``stderr`` are text whatever the bytes were, cut at the command's
    limit with a last line that says so.
    """

    exit_status: int | None
    stdout: str
    stderr: str
    signal: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return self.exit_status == 0


class Kept:
    """The beginning of a stream, and how long the stream was."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()
        self.seen = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.seen += len(data)
        self._data += data[: max(0, self._limit - len(self._data))]

    def text(self) -> str:
        """What was kept, with a note when that is not all."""
        text = self._data.decode(errors="replace")
        return f"{text}\n[cut: {self._limit} of {self.seen} bytes]" if self.seen > self._limit else text
