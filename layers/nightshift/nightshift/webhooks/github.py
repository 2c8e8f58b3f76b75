"""GitHub: a repository's (or organisation's) webhook, content type ``application/json``.

Settings of the repository, Webhooks: the payload URL is the stack's output ``WebhooksUrl`` with ``/github``,
the secret is what ``WebhookSecret`` holds. Each delivery is signed over its raw body: HMAC-SHA256 in
``X-Hub-Signature-256`` (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries).
Choose the events ``push`` (or ``release``, for apps with ``deploy_on: release``), and for gates
``workflow_run`` (the gate is called like the workflow's file: ``ci`` for ``ci.yml``) or ``check_suite`` (like
the app that ran it: ``github-actions``). What a fork's commits were found is nothing to us: its workflows are
its own. Other events (``ping``, …), tags and deleted branches are taken and mean nothing.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath

from nightshift.events import CodePushed, GateReported
from nightshift.webhooks import (
    Author,
    Commit,
    Delivery,
    Sha,
    Shape,
    Verdict,
    gate_of,
    parsed,
    pushed,
    reported,
    signed,
)

BRANCH, TAG = "refs/heads/", "refs/tags/"
DELIVERY = "x-github-delivery"
SIGNATURE, EVENT = "x-hub-signature-256", "x-github-event"
#: Conclusions that hold nothing back.
PASSED = frozenset({"success", "neutral", "skipped"})


class _Repository(Shape):
    clone_url: str
    ssh_url: str = ""


class _Push(Shape):
    ref: str
    after: Sha
    deleted: bool = False
    repository: _Repository
    head_commit: Commit | None = None


class _User(Shape):
    login: str = ""


class _Release(Shape):
    tag_name: str
    name: str | None = None
    draft: bool = False
    prerelease: bool = False
    author: _User = _User()


class _Released(Shape):
    action: str
    release: _Release
    repository: _Repository


class _App(Shape):
    slug: str


class _Suite(Shape):
    """``head_branch`` is None for a commit of a fork."""

    id: int = 0
    head_sha: Sha
    head_branch: str | None = None
    conclusion: str | None = None
    url: str = ""
    app: _App


class _Checked(Shape):
    action: str
    check_suite: _Suite


class _Whose(Shape):
    full_name: str


class _Run(Shape):
    name: str | None = None
    path: str = ""
    head_sha: Sha
    head_repository: _Whose
    conclusion: str | None = None
    html_url: str = ""


class _Ran(Shape):
    action: str
    workflow_run: _Run
    repository: _Whose


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets)


def read(delivery: Delivery, now: datetime) -> tuple[CodePushed | GateReported, ...]:
    """A branch that moved, a release, a check that is over; nothing for everything else that GitHub tells."""
    match delivery.headers.get(EVENT):
        case "push":
            return _pushed(delivery, now)
        case "release":
            return _released(delivery, now)
        case "check_suite":
            return _checked(delivery, now)
        case "workflow_run":
            return _ran(delivery, now)
    return ()


def _pushed(delivery: Delivery, now: datetime) -> tuple[CodePushed, ...]:
    push = parsed(_Push, delivery, "push as GitHub sends it")
    if push.deleted or not push.ref.startswith(BRANCH):
        return ()
    commit = push.head_commit or Commit(id=push.after)
    addresses = (push.repository.clone_url, push.repository.ssh_url)
    return (pushed(delivery, "github", addresses, push.ref, commit, now),)


def _released(delivery: Delivery, now: datetime) -> tuple[CodePushed, ...]:
    """Published once it is no draft; its commit is the tag's, which the payload does not say."""
    told = parsed(_Released, delivery, "release as GitHub sends it")
    release = told.release
    if told.action != "published" or release.draft or release.prerelease:
        return ()
    commit = Commit(id="", message=release.name or release.tag_name, author=Author(name=release.author.login))
    addresses = (told.repository.clone_url, told.repository.ssh_url)
    return (pushed(delivery, "github", addresses, TAG + release.tag_name, commit, now),)


def _checked(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """Each suite of an app is a check of its own: an app may run several for one commit."""
    told = parsed(_Checked, delivery, "check suite as GitHub sends it")
    suite = told.check_suite
    if told.action != "completed" or suite.conclusion is None or suite.head_branch is None:
        return ()
    gate, check = gate_of(suite.app.slug), str(suite.id)
    return (reported(delivery, suite.head_sha, gate, _verdict(suite.conclusion), suite.url, now, check),)


def _ran(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    told = parsed(_Ran, delivery, "workflow run as GitHub sends it")
    run = told.workflow_run
    foreign = run.head_repository.full_name != told.repository.full_name
    if told.action != "completed" or run.conclusion is None or foreign:
        return ()
    gate = gate_of(PurePosixPath(run.path).stem or run.name or "")
    return (reported(delivery, run.head_sha, gate, _verdict(run.conclusion), run.html_url, now, run.path),)


def _verdict(conclusion: str) -> Verdict:
    return "passed" if conclusion in PASSED else "failed"
