"""One local stack for the whole session, started and stopped as a person would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.e2e.deploying import Web
    from tools.local.demo.pager import Pager

ROOT = Path(__file__).resolve().parents[2]
PORTS = 12  # the stack's own listeners, from its base port on


def free_base() -> int:
    """A base port with nothing behind it for the whole range of a stack."""
    for base in range(20_566, 60_000, 100):
        sockets = []
        try:
            for port in range(base, base + PORTS):
                sockets.append(socket.socket())
                sockets[-1].bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return base
    raise RuntimeError("no free range of ports")


@dataclass(frozen=True)
class Stack:
    """The nightshift command against one state folder and one range of ports."""

    home: Path
    port: int

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of a person who uses this stack."""
        mine = {"NIGHTSHIFT_HOME": str(self.home), "NIGHTSHIFT_PORT": str(self.port), "PYTHONPATH": str(ROOT)}
        return {**{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}, **mine}

    def run(self, *arguments: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Run ``nightshift`` with ``arguments``."""
        command = [sys.executable, "-m", "tools.cli", *arguments]
        return subprocess.run(
            command,
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """The answer of a reading command."""
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def facts(self) -> dict[str, Any]:
        """Endpoints and outputs of the running stack."""
        return dict(json.loads((self.home / "run" / "stack.json").read_text()))

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded cloud."""
        from tools.local.cloud.client import client

        return client(service, self.facts()["endpoint"])

    def node(self, name: str) -> dict[str, Any]:
        """One node as the fleet describes it."""
        import urllib.request

        with urllib.request.urlopen(f"{self.facts()['fleet']}/fleet/nodes", timeout=5) as answer:
            return next(node for node in json.load(answer) if node["name"] == name)

    def incident(self, subject: str, *, after: set[str]) -> dict[str, Any] | None:
        """The newest incident about a node that is not one of ``after``."""
        found = [
            one for one in self.json("incidents") if one["subject"] == subject and one["id"] not in after
        ]
        return found[0] if found else None

    def known(self) -> set[str]:
        """The ids of all incidents so far."""
        return {one["id"] for one in self.json("incidents")}

    def ended(self, subject: str, after: set[str], seconds: float = 90) -> dict[str, Any]:
        """Wait until a new incident about ``subject`` is over."""

        def over() -> dict[str, Any] | None:
            incident = self.incident(subject, after=after)
            return incident if incident and incident["state"] != "open" else None

        return wait(over, seconds, f"an incident about {subject} ends")


def wait(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Poll until ``condition`` answers something true; fails with ``what`` was waited for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.3)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up."""
    made = Stack(tmp_path_factory.mktemp("stack"), free_base())
    up = made.run("up")
    assert up.returncode == 0, up.stdout + up.stderr
    yield made
    made.run("down")


@pytest.fixture
def web(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The app web at rest, whose repository this test pushes to; afterwards it runs what it ran before."""
    from tests.e2e.deploying import Web

    monkeypatch.setenv("NIGHTSHIFT_HOME", str(stack.home))
    made = Web(stack)
    wait(made.is_quiet, 60, "web is at rest")
    before = made.desired()
    yield made
    wait(made.is_idle, 90, "every deployment is over")
    if made.desired() != before:
        back = stack.run("rollback", "web", "--to", before, "--why", "the test is over")
        assert back.returncode == 0, back.stdout + back.stderr
    wait(made.is_quiet, 60, "web is at rest again")


@pytest.fixture
def pager(stack: Stack) -> Iterator[Pager]:
    """A person who is subscribed to the pages."""
    from tools.local.demo.pager import Pager

    with Pager() as made:
        made.subscribe(stack.client("sns"), stack.client("sqs"), stack.facts()["outputs"]["PagesTopicArn"])
        seen = -1
        while seen < len(made.pages):  # what another test left in the queue
            seen = len(made.pages)
            made.look()
        made.pages.clear()
        yield made
