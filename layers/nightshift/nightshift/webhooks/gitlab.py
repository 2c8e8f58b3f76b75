"""GitLab: a project's (or group's) webhook, triggers ``Push events`` and ``Pipeline events``.

Settings of the project, Webhooks: the URL is the stack's output ``WebhooksUrl`` with ``/gitlab``, the secret
token is what ``WebhookSecret`` holds. GitLab signs nothing there: it sends the token in ``X-Gitlab-Token``
(https://docs.gitlab.com/user/project/integrations/webhooks/), so use TLS verification, which is its default.
Other events, tags and deleted branches are taken and mean nothing.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported
from nightshift.webhooks import Commit, Delivery, Shape, pushed, reported

BRANCH = "refs/heads/"
#: How a pipeline ends, and what that means.
ENDED: dict[str, Literal["passed", "failed"]] = {
    "success": "passed",
    "skipped": "passed",
    "failed": "failed",
    "canceled": "failed",
}
TOKEN, EVENT = "x-gitlab-token", "x-gitlab-event"  # names of headers


class _Project(Shape):
    git_http_url: str
    git_ssh_url: str = ""


class _Push(Shape):
    """``checkout_sha`` is None when the branch was deleted."""

    ref: str
    checkout_sha: str | None = Field(None, pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    project: _Project
    commits: tuple[Commit, ...] = ()


class _Pipeline(Shape):
    sha: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    status: str
    url: str = ""


class _Piped(Shape):
    object_attributes: _Pipeline


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare the token in constant time."""
    given = delivery.headers.get(TOKEN, "").encode()
    if not any(hmac.compare_digest(given, one.encode()) for one in secrets):
        raise Refused("webhook.forged", "the token does not match")


def read(delivery: Delivery, now: datetime) -> tuple[CodePushed | GateReported, ...]:
    """A push to a branch, a pipeline that is over; nothing for everything else that GitLab tells."""
    if delivery.headers.get(EVENT) == "Pipeline Hook":
        return _piped(delivery, now)
    if delivery.headers.get(EVENT) != "Push Hook":
        return ()
    try:
        push = _Push.model_validate(json.loads(delivery.body))
    except (ValidationError, ValueError) as error:
        raise Refused("webhook.unknown_shape", "this is no push as GitLab sends it") from error
    if push.checkout_sha is None or not push.ref.startswith(BRANCH):
        return ()
    known = [one for one in push.commits if one.id == push.checkout_sha]
    commit = known[0] if known else Commit(id=push.checkout_sha)
    addresses = (push.project.git_http_url, push.project.git_ssh_url)
    return (pushed(delivery, "gitlab", addresses, push.ref, commit, now),)


def _piped(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """The gate is called ``gitlab-ci``; a pipeline that still runs says nothing yet."""
    try:
        pipeline = _Piped.model_validate(json.loads(delivery.body)).object_attributes
    except (ValidationError, ValueError) as error:
        raise Refused("webhook.unknown_shape", "this is no pipeline as GitLab sends it") from error
    if pipeline.status not in ENDED:
        return ()
    return (reported(delivery, pipeline.sha, "gitlab-ci", ENDED[pipeline.status], pipeline.url, now),)
