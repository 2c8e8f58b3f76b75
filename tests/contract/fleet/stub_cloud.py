"""Stands for the embedded cloud: takes the fleet's events and metrics, and keeps them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class StubCloud(ThreadingHTTPServer):
    """What was received: `events` (entries as posted) and `metric_bodies` (raw requests)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.metric_bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def events_of(self, kind: str) -> list[dict[str, Any]]:
        """Details of all events of this detail-type so far."""
        return [one["Detail"] for one in list(self.events) if one["DetailType"] == kind]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StubCloud

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_nightshift/aws-events":
            self.server.events.extend(json.loads(body))
        else:
            self.server.metric_bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def stub_cloud() -> Iterator[StubCloud]:
    server = StubCloud()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
