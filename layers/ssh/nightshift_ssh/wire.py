"""The socket under a connection: set so that it is quick, and idles for nothing.

Measured with paramiko 5.1 against OpenSSH 9.2 on loopback: a stock connection takes 115 ms, of which two
waits of 40 ms are TCP's. Nagle holds back the small packets of authentication and of every exec
(TCP_NODELAY); the server's Nagle meets our delayed ACK in the first channel (TCP_QUICKACK).
"""

from __future__ import annotations

import contextlib
import select
import socket

from nightshift_ssh.deadline import LEAST_SECONDS, Deadline

# Linux only; elsewhere the 40 ms of the first channel stay.
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
# A peer that vanished without a word is noticed within half a minute of idling, by the kernel.
KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
OPTIONS = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in KEEPALIVE.items()
        if hasattr(socket, name)
    ),
]
READ_AHEAD = 32 * 1024


class QuickSocket(socket.socket):
    """A socket that never waits to send, acknowledges at once, and reads ahead.

    paramiko asks for every packet in two pieces: from the kernel all that is there is taken at once.
    """

    _ahead = b""
    _read = 0

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
                for level, option, value in OPTIONS:
                    quick.setsockopt(level, option, value)
            except OSError as error:
                quick.close()
                failure = error
            else:
                return quick
        raise failure

    def recv(self, size: int, flags: int = 0) -> bytes:
        """As ever, for one thread; whenever the kernel was asked, ask for quick acknowledgement again."""
        if not self._ahead:
            self._ahead = super().recv(max(size, READ_AHEAD), flags)
            if QUICKACK is not None:
                # The peer may have reset the connection meanwhile: the next recv tells.
                with contextlib.suppress(OSError):
                    self.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
        data = self._ahead[self._read : self._read + size]
        self._read += len(data)
        if self._read == len(self._ahead):
            self._ahead, self._read = b"", 0  # an idle connection keeps none of it
        return data

    @property
    def quiet(self) -> bool:
        """Whether the peer has told nothing that nobody has read yet, its end for example."""
        poll = select.poll()
        poll.register(self, select.POLLIN | select.POLLOUT)
        return poll.poll(0) == [(self.fileno(), select.POLLOUT)]

    def close(self) -> None:
        """Wake the thread that reads, which a bare close leaves waiting until its next look."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)
        super().close()
