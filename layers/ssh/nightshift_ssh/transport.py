"""What is set on paramiko: a Transport that sleeps while idle, and sessions that are heard as they come."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

import paramiko
from paramiko.channel import Channel
from paramiko.common import cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST, cMSG_CHANNEL_WINDOW_ADJUST
from paramiko.message import Message
from paramiko.ssh_exception import SSHException

from nightshift_ssh.command import FLOOD

WAKE_SECONDS = 5.0
STDERR = 1  # the one kind of extended data that SSH knows
GRANT = 1024 * 1024
# Both streams of one command to their utmost, and what came since the last grant.
WINDOW = 2 * FLOOD + 2 * GRANT
# Every failure reaches the caller as an error with a code; paramiko's own thread would log it once more.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class Listener(Protocol):
    """Who hears a channel, in the thread that reads from the socket: it must not wait for anything."""

    def heard(self, data: bytes, *, on_stderr: bool) -> None:
        """The next bytes of one of the streams."""

    def changed(self) -> None:
        """A status was told, the streams ended or the channel was closed."""


class Heard(Channel):
    """A session whose bytes are given to its listener as they come, or dropped when it has none.

    Nothing is buffered, so the window need not be minded while a command runs: it is larger than all that a
    command may print. ``grant`` opens it again between the commands of a shell.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.listener: Listener | None = None
        self.exit_signal: str | None = None
        self.refused = False
        self.ended_by_peer = False
        self._heard = 0
        self._granted = 0

    def _feed(self, message: Message) -> None:
        self._hear(message.get_binary(), on_stderr=False)

    def _feed_extended(self, message: Message) -> None:
        on_stderr = message.get_int() == STDERR
        self._hear(message.get_binary(), on_stderr=on_stderr)

    def _hear(self, data: bytes, *, on_stderr: bool) -> None:
        self._heard += len(data)
        if self.listener:
            self.listener.heard(data, on_stderr=on_stderr)

    def _handle_eof(self, message: Message) -> None:
        super()._handle_eof(message)  # type: ignore[misc]
        self._tell()

    def _handle_request(self, message: Message) -> None:
        """Keep the name of the signal that ended a command; paramiko drops it."""
        if message.get_text() == "exit-signal":
            message.get_boolean()
            self.exit_signal = message.get_text()
        message.rewind()
        message.get_int()  # the channel's number, which the Transport had read
        super()._handle_request(message)  # type: ignore[misc]
        self._tell()

    def _request_failed(self, message: Message) -> None:
        self.refused = True
        super()._request_failed(message)  # type: ignore[misc]

    def _handle_close(self, message: Message) -> None:
        self.ended_by_peer = True
        super()._handle_close(message)  # type: ignore[misc]

    def _set_closed(self) -> None:
        super()._set_closed()  # type: ignore[misc]
        self._tell()

    def _tell(self) -> None:
        if self.listener:
            self.listener.changed()

    def start(self, line: str) -> None:
        """Ask the server to run ``line``; raises SSHException, OSError or EOFError when it cannot be asked.

        ``Channel.exec_command`` would wait for the server's yes, without a limit. Here nobody waits: a no
        closes the channel, and ``event_ready`` tells that the yes has come.
        """
        request = Message()
        request.add_byte(cMSG_CHANNEL_REQUEST)
        request.add_int(self.remote_chanid)
        request.add_string("exec")
        request.add_boolean(True)  # noqa: FBT003 - the answer is asked for
        request.add_string(line)
        self.transport._send_user_message(request)  # type: ignore[union-attr]  # noqa: SLF001

    def grant(self) -> None:
        """Open the window by what was heard, when that is worth a packet; raises as ``start``."""
        used = self._heard - self._granted
        if used < GRANT:
            return
        self._granted += used
        adjust = Message()
        adjust.add_byte(cMSG_CHANNEL_WINDOW_ADJUST)
        adjust.add_int(self.remote_chanid)
        adjust.add_int(used)
        self.transport._send_user_message(adjust)  # type: ignore[union-attr]  # noqa: SLF001


class _Told:
    """What paramiko sets when a channel was opened or refused, or the connection is lost."""

    def __init__(self, then: Callable[[], None]) -> None:
        self.set = then


def _dispatch(name: str) -> Callable[[Channel, Message], None]:
    def handle(channel: Channel, message: Message) -> None:
        getattr(channel, name)(message)

    return handle


def _no_timer(timeout: float) -> None:
    """In place of ``Packetizer.start_handshake``."""


class QuietTransport(paramiko.Transport):
    """A Transport that sleeps while idle, and whose sessions are heard.

    Private parts of paramiko are used, each pinned by tests/ssh: those that ``Heard`` overrides, those that
    ``session`` calls, ``_active_check_timeout`` (how often the reading thread wakes to see whether it should
    end: at the stock 0.1 s, 200 idle connections burn 5 % of a core; ``QuickSocket.close`` wakes it instead)
    and ``_channel_handler_table``, whose plain functions would never reach an override.

    ``connect`` has a deadline of its own: paramiko's would be one more thread for each connection.
    """

    _active_check_timeout = WAKE_SECONDS
    _channel_handler_table: dict[int, Callable[..., Any]] = {  # noqa: RUF012 - paramiko reads it as it is
        kind: _dispatch(handler.__name__)
        for kind, handler in paramiko.Transport._channel_handler_table.items()  # type: ignore[attr-defined]  # noqa: SLF001
    }

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self.packetizer.start_handshake = _no_timer  # type: ignore[method-assign]

    def session(self, seconds: float) -> Heard:
        """A fresh session; raises SSHException, OSError or EOFError when none was opened in ``seconds``."""
        opened = threading.Event()
        channel = self.ask(opened.set)
        if not opened.wait(seconds):
            raise SSHException("no answer in time")
        if not self.is_active() or not channel.active:
            raise self.get_exception() or SSHException("the connection is gone")
        return channel

    def ask(self, then: Callable[[], None]) -> Heard:
        """Ask for a session. ``then`` is called at the answer: the channel is active if that was yes."""
        with self.lock:
            number = self._next_channel()  # type: ignore[attr-defined]
            channel = Heard(number)
            channel._set_transport(self)  # type: ignore[attr-defined]  # noqa: SLF001
            channel._set_window(WINDOW, self.default_max_packet_size)  # type: ignore[attr-defined]  # noqa: SLF001
            self._channels.put(number, channel)  # type: ignore[attr-defined]
            self.channel_events[number] = _Told(then)  # type: ignore[assignment]
            self.channels_seen[number] = True
        request = Message()
        request.add_byte(cMSG_CHANNEL_OPEN)
        request.add_string("session")
        request.add_int(number)
        request.add_int(WINDOW)
        request.add_int(self.default_max_packet_size)
        self._send_user_message(request)  # type: ignore[attr-defined]
        if not self.is_active():
            raise SSHException("the connection is gone")
        return channel

    def end(self) -> None:
        """Close the socket under it first: that wakes the thread which reads from it."""
        with contextlib.suppress(OSError, EOFError):
            self.sock.close()
        self.close()
