"""Any check that can post JSON: a Jenkins stage, a scanner's wrapper, contract tests.

POST ``{"commit": "<full id>", "gate": "<as in the policy>", "verdict": "passed" or "failed", "url": ""}`` to
the stack's output ``WebhooksUrl`` with ``/gate``, and in ``X-Nightshift-Signature-256`` what
``printf %s "$body" | openssl dgst -sha256 -hmac "$secret"`` prints, after ``sha256=``. The secret is what
``WebhookSecret`` holds.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from nightshift.errors import Refused
from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Shape, reported, signed

SIGNATURE = "x-nightshift-signature-256"


class _Body(Shape):
    commit: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    gate: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    verdict: Literal["passed", "failed"]
    url: str = Field("", max_length=500)


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare in constant time with what each secret would have signed."""
    signed(delivery, SIGNATURE, secrets)


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """The one report."""
    try:
        body = _Body.model_validate(json.loads(delivery.body))
    except (ValidationError, ValueError) as error:
        raise Refused("webhook.unknown_shape", "this is no report of a gate") from error
    return (reported(delivery, body.commit, body.gate, body.verdict, body.url, now),)
