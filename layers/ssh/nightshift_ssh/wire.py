"""What is set on sockets and on paramiko's Transport so that a connection is quick and idles for nothing.

Measured with paramiko 5.1 against OpenSSH 9.2 on loopback: a stock connection takes 115 ms, of which two
waits of 40 ms are TCP's. Nagle holds back the small packets of authentication and of every exec
(TCP_NODELAY); the server's Nagle meets our delayed ACK in the first channel (TCP_QUICKACK).
"""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko.channel import Channel
from paramiko.common import MSG_CHANNEL_REQUEST, cMSG_CHANNEL_REQUEST
from paramiko.message import Message

from nightshift_ssh.deadline import LEAST_SECONDS, Deadline

# Linux only; elsewhere the 40 ms of the first channel stay.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
WAKE_SECONDS = 5.0
# Every failure reaches the caller as an error with a code; paramiko's own thread would log it once more.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class QuickSocket(socket.socket):
    """A socket that never waits to send, and acknowledges at once."""

    @classmethod
    def connect_to(cls, host: str, port: int, seconds: float) -> QuickSocket:
        """Connect within ``seconds`` for all addresses of ``host`` together.

        Raises OSError, TimeoutError when nobody answered.
        """
        ends = Deadline.after(seconds)
        failure = OSError(f"{host} has no address")
        for family, kind, protocol, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            quick = cls(family, kind, protocol)
            try:
                quick.settimeout(ends.left or LEAST_SECONDS)
                quick.connect(where)
                quick.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError as error:
                quick.close()
                failure = error
            else:
                return quick
        raise failure

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As ever; then ask for quick acknowledgement again, because the kernel forgets it."""
        data = super().recv(size, flags)
        if QUICKACK is not None:
            # The peer may have reset the connection meanwhile: the next recv tells.
            with contextlib.suppress(OSError):
                self.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        return data

    def close(self) -> None:
        """Wake the thread that reads, which a bare close leaves waiting until its next look."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        super().close()


def _channel_request(channel: Channel, message: Message) -> None:
    """Keep the name of the signal that ended a command; paramiko drops it."""
    if message.get_text() == "exit-signal":
        message.get_boolean()
        channel.exit_signal = message.get_text()  # type: ignore[attr-defined]
    message.rewind()
    message.get_int()  # the channel's number, which the Transport had read
    Channel._handle_request(channel, message)  # type: ignore[attr-defined]  # noqa: SLF001


def start(channel: Channel, line: str) -> None:
    """Ask the server to run ``line``; raises SSHException, OSError or EOFError when it cannot be asked.

    ``Channel.exec_command`` would wait for the server's yes, without a limit. Here nobody waits: a no closes
    the channel, and ``channel.event_ready`` tells that the yes has come.
    """
    request = Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("exec")
    request.add_boolean(True)  # noqa: FBT003 - the answer is asked for
    request.add_string(line)
    channel.transport._send_user_message(request)  # type: ignore[union-attr]  # noqa: SLF001


class QuietTransport(paramiko.Transport):
    """A Transport that sleeps while idle, and knows about signals.

    Private attributes of paramiko are used, each pinned by tests/ssh: in ``start``, and here
    ``_active_check_timeout`` (how often the reading thread wakes to see whether it should end: at the stock
    0.1 s, 200 idle connections burn 5 % of a core; ``QuickSocket.close`` wakes it instead) and
    ``_channel_handler_table``.
    """

    _active_check_timeout = WAKE_SECONDS
    _channel_handler_table: dict[int, Callable[..., Any]] = {  # noqa: RUF012 - paramiko reads it as it is
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]  # noqa: SLF001
        MSG_CHANNEL_REQUEST: _channel_request,
    }
