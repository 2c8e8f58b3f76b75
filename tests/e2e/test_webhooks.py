"""Webhooks as they reach the running stack: what is replayed or forged begins nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.conftest import wait
from tests.e2e.deploying import Web
from tools.local import git
from tools.local.post_receive import told

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class GitHub:
    """What the repository's hook knows: where to, signed with what, and how the repository is called."""

    url: str
    secret: str
    clone_url: str

    def body(self) -> bytes:
        """A push of the branch's head, as bytes that were never sent before."""
        head = subprocess.run(
            ["git", "rev-parse", "refs/heads/main"], capture_output=True, text=True, check=True
        ).stdout.strip()
        push = json.loads(told(head, "refs/heads/main", self.clone_url))
        return json.dumps({**push, "compare": str(uuid4())}).encode()

    def deliver(self, body: bytes, signed: bytes | None = None, secret: str = "") -> tuple[int, Any]:
        """Post it under a delivery id of its own; the answer's status and JSON."""
        key = (secret or self.secret).encode()
        mac = hmac.new(key, body if signed is None else signed, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid4()),
            "X-Hub-Signature-256": f"sha256={mac}",
        }
        request = urllib.request.Request(self.url, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)


@pytest.fixture
def github(web: Web, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """Whoever sends the webhooks of the stack's repository, from its folder."""
    repository = git.bare(web.stack.home)
    monkeypatch.chdir(repository)
    return GitHub(**json.loads((repository / "webhook.json").read_text()))


def stopped(web: Web, deployment_id: str) -> set[str]:
    """Stop a deployment, unless it is over already; the ids of it and of what undoes it, when all is over."""
    web.stack.run("stop", deployment_id, "--why", "only its beginning matters")
    undone_by = web.over(deployment_id)["undone_by"]
    if undone_by:
        web.over(undone_by)
    return {deployment_id, undone_by} - {""}


def test_a_replayed_webhook_begins_nothing(web: Web, github: GitHub) -> None:
    """The same bytes under a new delivery id are known, while their deployment runs and after its end."""
    known, body = web.known(), github.body()
    assert github.deliver(body)[0] == 202
    first = web.begun(known)
    assert github.deliver(body) == (200, {"taken": "before"})
    begun = stopped(web, first)
    assert github.deliver(body) == (200, {"taken": "before"})
    # What came after it on the same way has begun: it would have, too.
    assert github.deliver(github.body())[0] == 202
    begun |= stopped(web, web.begun(known | begun))
    assert web.known() == known | begun


def test_a_forged_webhook_begins_nothing(web: Web, github: GitHub) -> None:
    """Refused without a reason; the true one, of the same bytes, is taken all the same."""
    known, body = web.known(), github.body()
    forged = (401, {"code": "webhook.forged"})
    assert github.deliver(body, secret="guessed") == forged
    assert github.deliver(body, signed=github.body()) == forged
    assert web.known() == known
    assert github.deliver(body)[0] == 202
    begun = stopped(web, web.begun(known))
    wait(web.is_quiet, 60, "nothing else comes")
    assert web.known() == known | begun
