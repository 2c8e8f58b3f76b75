"""GitHub: a repository's (or organisation's) webhook, content type ``application/json``, event ``push``.

Settings of the repository, Webhooks: the payload URL is the stack's output ``WebhooksUrl`` with ``/github``,
the secret is what ``WebhookSecret`` holds. Each delivery is signed over its raw body: HMAC-SHA256 in
``X-Hub-Signature-256`` (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
Other events (``ping``, …), tags and deleted branches are taken and mean nothing.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported
from nightshift.webhooks import Commit, Delivery, Shape, pushed, reported, signed

BRANCH = "refs/heads/"
SIGNATURE, EVENT = "x-hub-signature-256", "x-github-event"
#: Conclusions of a check suite that hold nothing back.
PASSED = frozenset({"success", "neutral", "skipped"})


class _Repository(Shape):
    clone_url: str
    ssh_url: str = ""


class _Push(Shape):
    ref: str
    after: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    deleted: bool = False
    repository: _Repository
    head_commit: Commit | None = None


class _App(Shape):
    slug: str


class _Suite(Shape):
    head_sha: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    conclusion: str | None = None
    url: str = ""
    app: _App


class _Check(Shape):
    action: str
    check_suite: _Suite


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets)


def read(delivery: Delivery, now: datetime) -> tuple[CodePushed | GateReported, ...]:
    """A push to a branch, a check suite that is completed; nothing for everything else that GitHub tells."""
    if delivery.headers.get(EVENT) == "check_suite":
        return _checked(delivery, now)
    if delivery.headers.get(EVENT) != "push":
        return ()
    try:
        push = _Push.model_validate(json.loads(delivery.body))
    except (ValidationError, ValueError) as error:
        raise Refused("webhook.unknown_shape", "this is no push as GitHub sends it") from error
    if push.deleted or not push.ref.startswith(BRANCH):
        return ()
    commit = push.head_commit or Commit(id=push.after)
    addresses = (push.repository.clone_url, push.repository.ssh_url)
    return (pushed(delivery, "github", addresses, push.ref, commit, now),)


def _checked(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """The gate is called like the app that ran the checks: ``github-actions``."""
    try:
        check = _Check.model_validate(json.loads(delivery.body))
    except (ValidationError, ValueError) as error:
        raise Refused("webhook.unknown_shape", "this is no check suite as GitHub sends it") from error
    suite = check.check_suite
    if check.action != "completed" or suite.conclusion is None:
        return ()
    verdict: Literal["passed", "failed"] = "passed" if suite.conclusion in PASSED else "failed"
    return (reported(delivery, suite.head_sha, suite.app.slug, verdict, suite.url, now),)
