"""GitLab: a project's (or group's) webhook, triggers ``Push events`` and ``Pipeline events``.

Settings of the project, Webhooks: the URL is the stack's output ``WebhooksUrl`` with ``/gitlab``. Where
GitLab offers a *signing token*, use it: deliveries are then signed as https://www.standardwebhooks.com says
and expire after five minutes. It wants ``whsec_`` and 32 bytes in base64; put the same text into the secret
that ``WebhookSecret`` names, and leave the secret token empty, since that would tell the key. Elsewhere the
secret token is what ``WebhookSecret`` holds: it comes as it is, in ``X-Gitlab-Token``, and nothing is signed
(https://docs.gitlab.com/user/project/integrations/webhooks/). Keep TLS verification on, which is the default.
The gate of a pipeline is called ``gitlab-ci``. Other events, tags and deleted branches mean nothing.
"""

from __future__ import annotations

from datetime import datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported
from nightshift.webhooks import Commit, Delivery, Sha, Shape, Verdict, parsed, pushed, reported, same

BRANCH = "refs/heads/"
#: How a pipeline ends, and what that means.
ENDED: dict[str, Verdict] = {
    "success": "passed",
    "skipped": "passed",
    "failed": "failed",
    "canceled": "failed",
}
DELIVERY = "idempotency-key"
SIGNATURE, TOKEN, EVENT = "webhook-signature", "x-gitlab-token", "x-gitlab-event"  # names of headers


class _Project(Shape):
    git_http_url: str
    git_ssh_url: str = ""


class _Push(Shape):
    """``checkout_sha`` is None when the branch was deleted."""

    ref: str
    checkout_sha: Sha | None = None
    project: _Project
    commits: tuple[Commit, ...] = ()


class _Pipeline(Shape):
    sha: Sha
    status: str
    url: str = ""
    source: str = ""


class _Job(Shape):
    """A job of GitLab's own; statuses that others set are in the pipeline too, and not listed."""

    status: str
    allow_failure: bool = False


class _Piped(Shape):
    object_attributes: _Pipeline
    builds: tuple[_Job, ...] = ()


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Check the signature where there is one, else compare the token in constant time."""
    if SIGNATURE not in delivery.headers:
        same(delivery.headers.get(TOKEN, ""), secrets, "the token does not match")
    elif not any(_signed(delivery, one) for one in secrets):
        raise Refused("webhook.forged", "the signature does not match, or is older than five minutes")


def _signed(delivery: Delivery, secret: str) -> bool:
    try:
        Webhook(secret).verify(delivery.body, dict(delivery.headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):  # also of what is no base64
        return False
    return True


def read(delivery: Delivery, now: datetime) -> tuple[CodePushed | GateReported, ...]:
    """A push to a branch, a pipeline that is over; nothing for everything else that GitLab tells."""
    if delivery.headers.get(EVENT) == "Pipeline Hook":
        return _piped(delivery, now)
    if delivery.headers.get(EVENT) != "Push Hook":
        return ()
    push = parsed(_Push, delivery, "push as GitLab sends it")
    if push.checkout_sha is None or not push.ref.startswith(BRANCH):
        return ()
    known = [one for one in push.commits if one.id == push.checkout_sha]
    commit = known[0] if known else Commit(id=push.checkout_sha)
    addresses = (push.project.git_http_url, push.project.git_ssh_url)
    return (pushed(delivery, "gitlab", addresses, push.ref, commit, now),)


def _piped(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """A pipeline that still runs says nothing yet; those of different sources are checks of their own.

    Commit statuses count to the pipeline, also ours: what failed by them alone says nothing of its jobs.
    """
    told = parsed(_Piped, delivery, "pipeline as GitLab sends it")
    pipeline, jobs = told.object_attributes, {one.status for one in told.builds if not one.allow_failure}
    if pipeline.status not in ENDED or pipeline.source == "external":
        return ()
    if ENDED[pipeline.status] == "failed" and jobs and not jobs & {"failed", "canceled"}:
        return ()
    verdict = ENDED[pipeline.status]
    return (reported(delivery, pipeline.sha, "gitlab-ci", verdict, pipeline.url, now, pipeline.source),)
