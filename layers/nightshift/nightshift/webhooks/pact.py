"""Contract tests: the verification of a provider's pacts, by a webhook of the Pact Broker.

Create it for the event ``provider_verification_published`` with the stack's output ``WebhooksUrl`` and
``/pact/<name>`` as URL, ``Content-Type: application/json`` and ``Authorization: Bearer <secret>`` as headers
(the broker hides the latter), and this body (https://docs.pact.io/pact_broker/webhooks)::

    {"commit": "${pactbroker.providerVersionNumber}", "status": "${pactbroker.githubVerificationStatus}",
     "consumer": "${pactbroker.consumerName}", "url": "${pactbroker.verificationResultUrl}"}

The provider publishes its results with the commit's full id as its version. The gate is called ``pact``; each
consumer that reported must pass. Consumers that have not been verified are not known here: to wait for all of
them, let a pipeline ask ``can-i-deploy`` and report by ``/gate``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from nightshift.events import GateReported
from nightshift.webhooks import Delivery, Sha, Shape, Verdict, parsed, reported, same

DELIVERY = ""


class _Body(Shape):
    commit: Sha
    status: Literal["success", "failure", "pending", "error"]
    consumer: str = Field(min_length=1)
    url: str = ""


def verify(delivery: Delivery, secrets: tuple[str, ...]) -> None:
    """Compare the bearer token in constant time."""
    given = delivery.headers.get("authorization", "")
    same(given, (f"Bearer {one}" for one in secrets), "the bearer token does not match")


def read(delivery: Delivery, now: datetime) -> tuple[GateReported, ...]:
    """What came of one consumer's pact; a verification that is pending says nothing yet."""
    body = parsed(_Body, delivery, "verification as the webhook is to send it")
    if body.status == "pending":
        return ()
    verdict: Verdict = "passed" if body.status == "success" else "failed"
    return (reported(delivery, body.commit, "pact", verdict, body.url, now, body.consumer),)
