"""Jenkins: the Notification plugin's JSON, when a build is over.

In the job, Job Notifications: format JSON, protocol HTTP, event ``Job Finalized``, and as URL (a secret text
credential) the stack's output ``WebhooksUrl`` with ``/jenkins/<name>``, with ``nightshift:<secret>@`` before
its host. The plugin sends that as basic authentication and signs nothing: https only
(https://plugins.jenkins.io/notification/). The gate is called like the job: ``web-tests`` for ``Web Tests``.
A build that is unstable or was aborted has failed. A pipeline with curl can report by ``/gate`` instead.
"""

from __future__ import annotations

import base64
from datetime import datetime

from pydantic import Field

from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Sha, Shape, Verdict, gate_of, parsed, reported, same

DELIVERY = ""
BASIC = "Basic "
OVER = frozenset({"COMPLETED", "FINALIZED"})


class _Scm(Shape):
    commit: Sha


class _Build(Shape):
    """``status`` is None while it runs; a job without a repository has no commit."""

    full_url: str = ""
    phase: str
    status: str | None = None
    scm: _Scm | None = None


class _Job(Shape):
    name: str = Field(min_length=1)
    build: _Build


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare the password of the basic authentication in constant time; the user's name says nothing."""
    given = delivery.headers.get("authorization", "")
    try:
        text = base64.b64decode(given.removeprefix(BASIC), validate=True).decode()
    except ValueError:  # no base64, or no text
        text = ""
    same(text.partition(":")[2] if given.startswith(BASIC) else "", secrets, "the password does not match")


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """A build that is over; one that still runs, or that is of no commit, says nothing."""
    job = parsed(_Job, delivery, "notification as Jenkins sends it")
    build = job.build
    if build.phase not in OVER or build.status is None or build.scm is None:
        return ()
    verdict: Verdict = "passed" if build.status == "SUCCESS" else "failed"
    return (reported(delivery, build.scm.commit, gate_of(job.name), verdict, build.full_url, now, job.name),)
