"""The service of both sample apps: one small HTTP server, standard library only.

It runs from a release's folder and is started by the release's `start` script with
`PORT`, `NODE_ID`, `NODE_NAME` and `NIGHTSHIFT_ROOT` in its environment.

| path | answer |
|---|---|
| `GET /health` | 200 when every file of the release's manifest can be read, else 503 with the reason |
| `GET /version` | the version of the *running* process |
| `POST /burn?seconds=S` | starts a busy child process, for S seconds or until the service ends |
| `GET /` | the app's page |
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

RELEASE = Path(__file__).resolve().parent
PAGES = {"index.html": "text/html; charset=utf-8", "index.json": "application/json"}

# Uses 60 ms of CPU, however long that takes, then rests for 40: more than a node's CPU budget also on a
# busy machine, and not a whole core on an idle one.
BURN = """
import sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    edge = time.process_time() + 0.06
    while time.process_time() < edge:
        pass
    time.sleep(0.04)
"""
FOR_EVER = 10.0**9


def fault_of_release(release: Path, root: Path) -> str | None:
    """The first reason why this release could not be started again, or None.

    Args:
        release: the folder that this process runs from.
        root: the node's folder of the app, which holds `releases/current`.
    """
    try:
        (root / "releases" / "current").stat()
        files = json.loads((release / "manifest.json").read_text())["files"]
        for name in files:
            with (release / name).open("rb") as file:
                file.read(1)
    except (OSError, ValueError, KeyError) as error:
        return f"{type(error).__name__}: {error}"
    return None


class Service(ThreadingHTTPServer):
    """The listening server; holds what its handlers need to know about this node."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.node = environment["NODE_ID"]
        self.node_name = environment.get("NODE_NAME", self.node)
        self.root = Path(environment["NIGHTSHIFT_ROOT"])
        self.version = (RELEASE / "VERSION").read_text().strip()
        self.burning: list[subprocess.Popen[bytes]] = []
        super().__init__(("127.0.0.1", int(environment["PORT"])), Handler)

    def server_bind(self) -> None:
        """Bind without the reverse DNS look-up that `http.server` does and that can stall."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def burn(self, seconds: float) -> None:
        """Start a busy child in this service's process group, so that a restart ends it."""
        command = [sys.executable, "-S", "-c", BURN, str(seconds)]
        self.burning = [child for child in self.burning if child.poll() is None]
        self.burning.append(subprocess.Popen(command))


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True
    server: Service

    def do_GET(self) -> None:
        """Serve health, version and the page."""
        path = urlsplit(self.path).path
        if path == "/health":
            self._health()
        elif path == "/version":
            self._answer_json(HTTPStatus.OK, {"version": self.server.version})
        elif path == "/":
            self._page()
        else:
            self._answer_json(HTTPStatus.NOT_FOUND, {"error": "no such page"})

    def do_POST(self) -> None:
        """Start a burn; anything else is echoed by length, so that proxies can be tested."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        if address.path != "/burn":
            self._answer_json(HTTPStatus.OK, {"received": len(body), "node": self.server.node})
            return
        try:
            seconds = float(parse_qs(address.query).get("seconds", [str(FOR_EVER)])[0])
        except ValueError:
            self._answer_json(HTTPStatus.BAD_REQUEST, {"error": "seconds is no number"})
            return
        self.server.burn(seconds)
        self._answer_json(HTTPStatus.ACCEPTED, {"burning": seconds})

    def _health(self) -> None:
        fault = fault_of_release(RELEASE, self.server.root)
        answer = {"node": self.server.node, "version": self.server.version}
        if fault is None:
            self._answer_json(HTTPStatus.OK, {"status": "ok", **answer})
        else:
            self._answer_json(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "broken", "reason": fault, **answer})

    def _page(self) -> None:
        for name, kind in PAGES.items():
            page = RELEASE / name
            if page.is_file():
                text = page.read_text()
                for word in ("node_name", "version"):
                    text = text.replace("{" + word + "}", getattr(self.server, word))
                self._answer(HTTPStatus.OK, kind, text.encode())
                return
        self._answer_json(HTTPStatus.NOT_FOUND, {"error": "this release has no page"})

    def _answer_json(self, status: HTTPStatus, answer: Mapping[str, object]) -> None:
        self._answer(status, "application/json", json.dumps(answer).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay silent about requests: a probe a second would fill the log by itself."""


def main() -> int:
    """Serve until killed; 1 when the port cannot be had, with the reason on stderr."""
    try:
        service = Service(os.environ)
    except OSError as error:
        print(f"cannot listen on 127.0.0.1:{os.environ['PORT']}: {error}", file=sys.stderr)
        return 1
    print(f"{service.node_name} serves version {service.version}", file=sys.stderr, flush=True)
    service.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
