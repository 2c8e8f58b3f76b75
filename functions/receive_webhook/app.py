"""Take a provider's webhook: verify who sent it, and publish what it means."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, webhooks
from nightshift.aws import secrets, tables
from nightshift.aws.stores import Stores
from nightshift.envelopes import HttpRequest
from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported
from nightshift.settings import Settings
from nightshift.webhooks import Delivery

logger = Logger()
LARGEST = 1024 * 1024  # bytes of a body
KEPT = timedelta(days=30)
TOGETHER = 10  # events that EventBridge takes at once
#: What a refusal is answered with by HTTP; the reason goes to our log and not to the caller.
STATUS = {"webhook.forged": 401, "webhook.unknown_provider": 404, "webhook.too_big": 413}


class Environment(Settings):
    """The bus, the deliveries that were taken, and what they are signed with."""

    bus_name: str
    deliveries_table: str
    webhook_secret: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer 202 for what was taken, 200 for what was taken before or means nothing, 4xx for the rest."""
    request = envelopes.read(HttpRequest, event)
    provider = request.path.get("provider", "")
    try:
        status, said = take(provider, _delivery(request), clock.now())
    except Refused as refused:
        logger.warning("a webhook was refused", provider=provider, code=refused.code, reason=refused.message)
        status, said = STATUS.get(refused.code, 400), {"code": refused.code}
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(said),
    }


def take(provider: str, delivery: Delivery, now: datetime) -> tuple[int, dict[str, Any]]:
    """Publish, then remember: a death between the two publishes again, which start_deployment knows.

    A replay under a new delivery id has the same body, and is known by that.
    """
    module = webhooks.load(provider)
    module.verify(delivery, secrets.rotated(Environment.current().webhook_secret))
    stores = Stores.of(Environment)
    if stores.deliveries.done(delivery.digest, provider):
        return 200, {"taken": "before"}
    told = module.read(delivery, now)
    if not told:
        return 200, {"taken": "nothing"}
    for start in range(0, len(told), TOGETHER):
        stores.bus.publish(*told[start : start + TOGETHER])
    end = int((now + KEPT).timestamp())
    tables.transact([stores.deliveries.remember(delivery.digest, provider, clock.iso(now), end)])
    names = [one.commit if isinstance(one, (CodePushed, GateReported)) else one.alarm for one in told]
    logger.info("taken", provider=provider, told=names)
    return 202, {"taken": names}


def _delivery(request: HttpRequest) -> Delivery:
    """The raw body, decoded before anything else looks at it; and its limit before anything is computed."""
    try:
        body = base64.b64decode(request.body, validate=True) if request.encoded else request.body.encode()
    except binascii.Error as error:
        raise Refused("webhook.unknown_shape", "the body is not base64") from error
    if len(body) > LARGEST:
        raise Refused("webhook.too_big", f"{len(body)} bytes; {LARGEST} are allowed")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Delivery(headers, body, hashlib.sha256(body).hexdigest())
