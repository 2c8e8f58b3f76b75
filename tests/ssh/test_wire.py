"""The socket under a connection reads ahead, and nobody can tell."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nightshift_ssh import wire
from nightshift_ssh.wire import QuickSocket


@pytest.fixture
def ends():
    """A quick socket and its peer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        quick = QuickSocket.connect_to(*listener.getsockname(), 5.0)
        peer, _ = listener.accept()
    with quick, peer:
        quick.settimeout(5.0)
        yield quick, peer


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=8),
    sizes=st.lists(st.integers(min_value=1, max_value=70), min_size=1),
)
def test_bytes_arrive_in_their_order_whatever_is_asked_for(pieces, sizes):
    """In pieces no larger than asked for, and then the end."""
    ours, peer = socket.socketpair()
    with QuickSocket(fileno=ours.detach()) as quick, peer:
        for piece in pieces:
            peer.sendall(piece)
        peer.close()
        quick.settimeout(5.0)
        got = b""
        asked = 0
        while data := quick.recv(sizes[asked % len(sizes)]):
            assert len(data) <= sizes[asked % len(sizes)]
            got, asked = got + data, asked + 1
    assert got == b"".join(pieces)


def test_the_kernel_is_asked_once_for_what_has_come_together(ends, monkeypatch):
    """Paramiko reads each packet in pieces, and packets come in bursts."""
    quick, peer = ends
    asked = []
    real = socket.socket.recv
    monkeypatch.setattr(
        socket.socket, "recv", lambda self, size, flags=0: asked.append(size) or real(self, size, flags)
    )
    peer.sendall(b"x" * 100)
    assert b"".join(quick.recv(10) for _ in range(10)) == b"x" * 100
    assert asked == [wire.READ_AHEAD]


def test_a_socket_with_news_is_not_quiet(ends):
    """Bytes that nobody has read, or the peer's end."""
    quick, peer = ends
    assert quick.quiet
    peer.sendall(b"x")
    wait_for_news(quick)
    assert not quick.quiet
    assert quick.recv(10) == b"x"
    assert quick.quiet
    peer.close()
    wait_for_news(quick)
    assert not quick.quiet


def wait_for_news(sock):
    """Until there is something to be read."""
    socket.socket.recv(sock, 1, socket.MSG_PEEK)
