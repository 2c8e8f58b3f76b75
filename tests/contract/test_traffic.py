"""Adding a switch of traffic is adding one file: what else it needs, these tests ask for."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from nightshift import traffic
from nightshift.errors import Retryable
from nightshift.traffic import proxy
from tests.stack import stack

NAMES = traffic.names()
#: Who takes nodes out, and who puts them back.
LEAVE, JOIN = ("deploy_batch", "drain_node"), ("advance_deployment", "verify_health", "sweep")


def test_there_are_switches() -> None:
    """Found by their files alone."""
    assert set(NAMES) >= {"proxy", "target_group"}


@pytest.mark.parametrize("name", NAMES)
def test_a_switch_is_a_runbook_and_takes_its_own_addresses_only(name: str) -> None:
    """The docstring says how a node is put back by hand; the pattern is closed at both ends."""
    kind = traffic.load(name)
    assert "By hand:" in (kind.__doc__ or "")
    assert (kind.ADDRESS[0], kind.ADDRESS[-1]) == ("^", "$")
    for strange in ("", "x", "http://169.254.169.254/", "http://127.0.0.1:80@evil.example:8080"):
        assert not re.fullmatch(kind.ADDRESS, strange)


@pytest.mark.parametrize("function", LEAVE + JOIN)
def test_what_switches_need_is_granted_to_whoever_uses_them(function: str) -> None:
    """Those that take out may not put back, and the other way round."""
    granted = {action for action, _ in stack().functions[function].grants()}
    needed = {action for name in NAMES for action in traffic.load(name).PERMISSIONS}
    other = "RegisterTargets" if function in LEAVE else "DeregisterTargets"
    assert needed - {f"elasticloadbalancing:{other}"} <= granted
    assert f"elasticloadbalancing:{other}" not in granted


class _Handler(BaseHTTPRequestHandler):
    answers: tuple[int, bytes] = (200, b"{}")
    told: list[object]

    def do_POST(self) -> None:
        self.told.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
        status, body = self.answers
        self.send_response(status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[tuple[str, type[_Handler]]]:
    """A real server that says what a test wants; its address, and what it was told."""

    class Handler(_Handler):
        told: list[object] = []  # noqa: RUF012 - one of its own for each test

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", Handler
    listening.shutdown()
    listening.server_close()
    thread.join()


def test_the_proxy_is_asked_in_json_and_says_who_waits(server: tuple[str, type[_Handler]]) -> None:
    """The same words as the local proxy's own."""
    address, handler = server
    handler.answers = (200, b'{"waiting": ["i-1"]}')
    assert proxy.leave(address, ["i-1", "i-2"]) == ("i-1",)
    assert handler.told == [(proxy.PATH, {"leave": ["i-1", "i-2"]})]


@pytest.mark.parametrize(
    "answer", [(302, b""), (500, b'{"waiting": []}'), (200, b"soon"), (200, b'{"other": 1}')]
)
def test_a_proxy_that_does_not_say_what_it_did_has_done_nothing(
    server: tuple[str, type[_Handler]], answer: tuple[int, bytes]
) -> None:
    """It is tried again; and no redirect is followed."""
    address, handler = server
    handler.answers = answer
    with pytest.raises(Retryable, match=r"traffic\.unreachable"):
        proxy.join(address, ["i-1"])


def test_a_proxy_that_nobody_is_behind_is_tried_again() -> None:
    """Nothing listens there."""
    with pytest.raises(Retryable, match=r"traffic\.unreachable"):
        proxy.leave("http://127.0.0.1:1", ["i-1"])
