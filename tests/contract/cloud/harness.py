"""A real embedded cloud on free ports, with a fleet and a moto that only remember what they were sent."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tools.local.cloud.client import client

REPO = Path(__file__).parents[3]
HERE = Path(__file__).parent
T = TypeVar("T")


def wait_for(condition: Callable[[], T | None], what: str, seconds: float = 15.0) -> T:
    """The first true answer of `condition`; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


class Remembering(ThreadingHTTPServer):
    """Answers POST / with `answers[action]` (status, body) and keeps (action, request)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, Any]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Remembering

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        """Remember the request and answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        target = self.headers.get("X-Amz-Target")
        form = dict(urllib.parse.parse_qsl(body)) if not target else {}
        action = target.rpartition(".")[2] if target else form["Action"]
        self.server.seen.append((action, json.loads(body) if target else body))
        status, kind, answer = self.server.answers.get(action, (200, "application/x-amz-json-1.1", "{}"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())


class Cloud:
    """One running server."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.fleet, self.moto = Remembering(), Remembering()
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.outputs: dict[str, str] = {}
        self._clients: dict[str, Any] = {}
        self.log = home / "server.log"
        self.process: subprocess.Popen[bytes] | None = None

    ready_path = "/_nightshift/ready"

    def command(self) -> list[str]:
        """How the server is started."""
        command = [sys.executable, "-m", "tools.local.cloud", "--port", str(self.port)]
        return [*command, "--fleet", self.fleet.url, "--moto", self.moto.url, "--home", str(self.home)]

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=REPO,
                stdout=log,
                stderr=log,
                env={**os.environ, "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1", "SECRET_OF_SHELL": "x"},
            )
        wait_for(self.is_ready, "the server to be ready")

    def is_ready(self) -> bool:
        """Does the server answer?"""
        assert self.process
        assert self.process.poll() is None, self.log.read_text()
        with suppress(OSError):
            return bool(self.get(self.ready_path))
        return False

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Stop the server and return its exit code."""
        assert self.process
        self.process.send_signal(how)
        return self.process.wait(timeout=10)

    def client(self, service: str) -> Any:
        """A boto3 client, made once: reading its model takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = client(service, self.endpoint)
        return self._clients[service]

    def get(self, path: str) -> Any:
        """GET a JSON answer."""
        with urllib.request.urlopen(self.endpoint + path, timeout=5) as answer:
            return json.loads(answer.read())

    def post(self, path: str, body: Any) -> Any:
        """POST JSON and return the JSON answer."""
        request = urllib.request.Request(
            self.endpoint + path, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())

    def receive(self, queue: str, what: str, seconds: float = 15.0) -> dict[str, Any]:
        """The next message of a queue, deleted from it."""
        sqs = self.client("sqs")

        def one() -> dict[str, Any] | None:
            got = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return got[0] if got else None

        return wait_for(one, what, seconds)

    def item(self, key: str) -> dict[str, Any]:
        """The event that the work function kept under `key`."""
        table = self.client("dynamodb")

        def kept() -> Any:
            return table.get_item(TableName=self.outputs["Table"], Key={"id": {"S": key}}).get("Item")

        return dict(json.loads(wait_for(kept, f"item {key}")["event"]["S"]))

    def execute(self, machine: str, name: str, given: Any, *, until: bool = True) -> dict[str, Any]:
        """Start an execution and, unless told otherwise, describe it once it has ended."""
        sfn = self.client("stepfunctions")
        arn = sfn.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))["executionArn"]

        def ended() -> Any:
            described = sfn.describe_execution(executionArn=arn)
            return described if described["status"] != "RUNNING" or not until else None

        return dict(wait_for(ended, f"execution {name} to end"))

    def invoke(self, function: str, **event: Any) -> tuple[str | None, Any]:
        """Invoke a function and return (function error, payload)."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def workers(self) -> list[int]:
        """Process ids of Lambda workers of this server, by their command line."""
        found = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                mine = str(self.home).encode() in (folder / "environ").read_bytes()
                if mine and b"cloud/worker.py" in command:
                    found.append(int(folder.name))
        return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_cloud(home: Path) -> Iterator[Cloud]:
    """A started server that is stopped again."""
    cloud = Cloud(home)
    cloud.start()
    try:
        yield cloud
    finally:
        if cloud.process and cloud.process.poll() is None:
            cloud.stop()
        cloud.fleet.shutdown()
        cloud.moto.shutdown()
