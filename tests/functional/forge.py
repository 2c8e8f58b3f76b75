"""The APIs of GitHub and GitLab as far as a commit is marked there: a real server on 127.0.0.1.

It keeps what it was told, answers as the services' documentation shows, and can be made to fail or to hang.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "reads"  # the password of every secret below <stack>/git/ in tests


@dataclass
class Forge:
    """What was asked and told. ``fails`` is the status of every answer; ``hangs`` lets nobody have one."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    fails: int = 0
    hangs: bool = False
    done: threading.Event = field(default_factory=threading.Event)

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """One request, by its path."""
        for name, pattern in ROUTES:
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                return getattr(self, name)(found.groups(), query, body)  # type: ignore[no-any-return]
        return 404, {"message": "Not Found"}

    # GitHub

    def _commit(self, found: Any, _query: Any, _body: Any) -> tuple[int, Any]:
        return 200, {"sha": found[0], "url": f"{self.url}/repos/acme/web/commits/{found[0]}"}

    def _hub_status(self, found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        self.statuses.append({"sha": found[0], **body})
        return 201, {"id": len(self.statuses), "url": self.url, **body}

    def _hub_deployments(self, _found: Any, query: Any, _body: Any) -> tuple[int, Any]:
        wanted = [one for one in self.deployments if one["sha"] == query["sha"][0]]
        return 200, wanted[::-1]

    def _hub_deploy(self, _found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        number = len(self.deployments) + 1
        address = f"{self.url}/repos/acme/web/deployments/{number}"
        made = {**body, "id": number, "sha": body["ref"], "url": address, "states": []}
        self.deployments.append({**made, "statuses_url": f"{address}/statuses"})
        return 201, self.deployments[-1]

    def _hub_states(self, found: Any, _query: Any, _body: Any) -> tuple[int, Any]:
        states = self.deployments[int(found[0]) - 1]["states"]
        return 200, [{"id": number, "state": state, "url": self.url} for number, state in enumerate(states)][
            ::-1
        ]

    def _hub_state(self, found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        self.deployments[int(found[0]) - 1]["states"].append(body["state"])
        return 201, {"id": 1, "url": self.url, **body}

    # GitLab

    def _lab_status(self, found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        last = [one for one in self.statuses if one["sha"] == found[0] and one["name"] == body["name"]]
        if last and last[-1]["state"] == body["state"]:
            reason = f"Cannot transition status via :run from :{body['state']} "
            return 400, {"message": reason}
        self.statuses.append({"sha": found[0], **body})
        return 201, {"id": len(self.statuses), **body}

    def _lab_deployments(self, _found: Any, query: Any, _body: Any) -> tuple[int, Any]:
        return 200, [one for one in self.deployments if one["environment"] == query["environment"][0]][::-1]

    def _lab_deploy(self, _found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        self.deployments.append({**body, "id": len(self.deployments) + 1})
        return 201, self.deployments[-1]

    def _lab_change(self, found: Any, _query: Any, body: Any) -> tuple[int, Any]:
        self.deployments[int(found[0]) - 1] |= body
        return 200, self.deployments[int(found[0]) - 1]


LAB = r"/api/v4/projects/acme%2Fweb"
ROUTES = (
    ("_commit", r"GET /repos/acme/web/commits/([0-9a-f]{40})"),
    ("_hub_status", r"POST /repos/acme/web/statuses/([0-9a-f]{40})"),
    ("_hub_deployments", r"GET /repos/acme/web/deployments"),
    ("_hub_deploy", r"POST /repos/acme/web/deployments"),
    ("_hub_states", r"GET /repos/acme/web/deployments/(\d+)/statuses"),
    ("_hub_state", r"POST /repos/acme/web/deployments/(\d+)/statuses"),
    ("_lab_status", rf"POST {LAB}/statuses/([0-9a-f]{{40}})"),
    ("_lab_deployments", rf"GET {LAB}/deployments"),
    ("_lab_deploy", rf"POST {LAB}/deployments"),
    ("_lab_change", rf"PUT {LAB}/deployments/(\d+)"),
)


@contextmanager
def serving() -> Iterator[Forge]:
    """A forge that listens until the end of the block."""
    forge = Forge()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            asked = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            forge.asked.append((self.command, asked.path))
            if forge.hangs:
                forge.done.wait(30)
                return
            known = TOKEN in (self.headers.get("authorization", "") + self.headers.get("private-token", ""))
            status, said = (
                (forge.fails, {"message": "made to fail"}) if forge.fails else (401, {"message": "Bad"})
            )
            if known and not forge.fails:
                status, said = forge.answer(self.command, asked.path, parse_qs(asked.query), body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    forge.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield forge
    finally:
        forge.done.set()
        server.shutdown()
        server.server_close()
