"""A server for pushed samples that verifies as ``receive_samples`` does, and fails as it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nightshift import clock, pushing
from nightshift.errors import Refused

MASTER = "the master"
PATIENCE = 30.0


class Door(ThreadingHTTPServer):
    """Verifies as ``receive_samples`` does, and answers with ``status`` what is genuine; 0 never answers."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.status: int | Callable[[list[str]], int] = 202
        self.requests: list[tuple[int, list[str]]] = []
        self.ids: list[str] = []
        self.nodes: set[str] = set()
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def lines(self) -> list[str]:
        """Every line that was taken, in its order."""
        return [line for status, lines in self.requests if status == 202 for line in lines]

    @property
    def url(self) -> str:
        """Where samples are posted."""
        return f"http://127.0.0.1:{self.server_port}/samples"


class _Handler(BaseHTTPRequestHandler):
    server: Door

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """One request."""
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        lines = body.decode().splitlines()
        try:
            status = self.server.status if isinstance(self.server.status, int) else self.server.status(lines)
            package = pushing.verify(headers, body, (MASTER,), clock.now())
            self.server.ids.append(package.message_id)
            self.server.nodes.add(package.node_id)
        except Refused as refused:
            status = 401
            lines = [refused.code]
        self.server.requests.append((status, lines))
        if status == 0:
            self.server.released.wait(PATIENCE)
            return
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def door(port: int = 0) -> Iterator[Door]:
    """A server that is gone afterwards."""
    server = Door(port)
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
