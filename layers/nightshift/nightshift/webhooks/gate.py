"""Any check that can post JSON: a stage of a pipeline, a scanner's wrapper, contract tests.

POST ``{"commit": "<full id>", "gate": "<as in the policy>", "verdict": "passed" or "failed", "url": ""}`` to
the stack's output ``WebhooksUrl`` with ``/gate``, and in ``X-Nightshift-Signature-256`` what
``printf %s "$body" | openssl dgst -sha256 -hmac "$secret"`` prints, after ``sha256=``. The secret is what
``WebhookSecret`` holds, or the named one with ``/gate/<name>``. A body that was taken before is a replay and
means nothing: let ``url`` name the run.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from nightshift.amounts import Name
from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Sha, Shape, Verdict, parsed, reported, signed

DELIVERY = ""
SIGNATURE = "x-nightshift-signature-256"


class _Body(Shape):
    commit: Sha
    gate: Name
    verdict: Verdict
    url: str = Field("", max_length=500)


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets)


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """The one report."""
    body = parsed(_Body, delivery, "report of a gate")
    return (reported(delivery, body.commit, body.gate, body.verdict, body.url, now),)
