"""What stands for a channel: a server on the loopback that takes pages, fails, hangs, drips or throttles."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nightshift.settings import Settings
from tests.functional.staging import POLICY, made
from tests.functional.world import World

CANARY = "T0P-S3CRET-c4nary"
KEY = "c4nary" + "0" * 26
#: Slack's bot first, PagerDuty in its stead; each with the address of whatever listens for it.
ROUTED = """
  channels:
    ops: {{ kind: slack, secret: slack, room: C1, url: '{first}/api' }}
    oncall: {{ kind: pagerduty, secret: pagerduty, url: '{second}' }}
  routes:
    - {{ to: [ops], otherwise: [oncall] }}
"""


class Receiver(ThreadingHTTPServer):
    """``statuses`` are what it answers, in order, the last for ever; ``got`` what it was sent and took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = [200]
        self.headers: dict[str, str] = {"location": "http://169.254.169.254/latest/meta-data/"}
        self.answer: dict[str, Any] = {"ok": True, "channel": "C1", "ts": "1.5"}
        self.got: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.stalls = self.drips = False
        self.released = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def root(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """The path is the secret that real webhooks have."""
        return f"{self.root}/services/{CANARY}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
        if server.stalls:
            server.released.wait(30)
        if status == 0 or server.stalls:  # hang up without a word
            return
        if 200 <= status < 300:
            server.got.append(body)
        while server.drips and not server.released.wait(0.05):
            self.wfile.write(b"H")
        self.send_response(status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(json.dumps(server.answer).encode())

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A channel's server."""
    server = Receiver()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()


@contextmanager
def paging(notify: str, **secrets: str) -> Iterator[World]:
    """A world whose policy says ``notify`` and whose channels may listen on this machine."""
    with made(f"{POLICY}notify:\n{notify}") as world, on_this_machine(world):
        world.secrets.update(secrets)
        yield world


@contextmanager
def on_this_machine(world: World, allowed: str = "true") -> Iterator[None]:
    """Whether channels may listen on this machine; functions read their variables once."""
    world.variables["LOCAL_CHANNELS"] = allowed
    Settings.current.__func__.cache_clear()  # type: ignore[attr-defined]
    yield
    Settings.current.__func__.cache_clear()  # type: ignore[attr-defined]


def opened(world: World) -> dict[str, str]:
    """An incident, and the machine's request to page a person about it."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    return {"incident_id": world.speak(sick)["incident_id"], "reason": "nothing is left to try"}
