"""GitHub: a repository's (or organisation's) webhook, content type ``application/json``, event ``push``.

Settings of the repository, Webhooks: the payload URL is the stack's output ``WebhooksUrl`` with ``/github``,
the secret is what ``WebhookSecret`` holds. Each delivery is signed over its raw body: HMAC-SHA256 in
``X-Hub-Signature-256`` (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
Other events (``ping``, …), tags and deleted branches are taken and mean nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

from pydantic import Field, ValidationError

from nightshift.errors import Refused
from nightshift.events import CodePushed
from nightshift.webhooks import Commit, Delivery, Shape, pushed

BRANCH = "refs/heads/"
SIGNATURE, EVENT = "x-hub-signature-256", "x-github-event"


class _Repository(Shape):
    clone_url: str
    ssh_url: str = ""


class _Push(Shape):
    ref: str
    after: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    deleted: bool = False
    repository: _Repository
    head_commit: Commit | None = None


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    given = delivery.headers.get(SIGNATURE, "").encode()
    macs = [hmac.new(one.encode(), delivery.body, hashlib.sha256).hexdigest() for one in secrets]
    if not any(hmac.compare_digest(given, f"sha256={mac}".encode()) for mac in macs):
        raise Refused("webhook.forged", "the signature does not match")


def read(delivery: Delivery, now: datetime) -> tuple[CodePushed, ...]:
    """A push to a branch; nothing for everything else that GitHub tells."""
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
