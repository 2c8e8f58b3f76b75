"""Take a provider's webhook: verify who sent it, and publish what it means."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, webhooks
from nightshift.aws import secrets, tables
from nightshift.aws.stores import Stores
from nightshift.entry import entry
from nightshift.envelopes import HttpRequest
from nightshift.errors import Refused
from nightshift.events import CodePushed, GateReported
from nightshift.settings import Settings
from nightshift.webhooks import Delivery

logger = Logger()
LARGEST = 4 * 1024 * 1024  # bytes of a body; Lambda takes 6 MB with everything around it
KEPT = timedelta(days=30)
TOGETHER = 10  # events that EventBridge takes at once
NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")  # of a secret
#: What a refusal is answered with by HTTP; the reason goes to our log and not to the caller.
STATUS = {
    "webhook.forged": 401,
    "webhook.not_allowed": 403,
    "webhook.unknown_provider": 404,
    "webhook.too_big": 413,
}


class Environment(Settings):
    """The bus, the deliveries that were taken, what they are signed with, and who may report gates only."""

    bus_name: str
    deliveries_table: str
    webhook_secret: str
    gate_secrets: str


@entry(logger)
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

    A replay under a new delivery id has the same body, and is known by that; a redelivery whose body was
    written anew is known by its id. Both are remembered for each secret: nobody takes another's first.
    """
    module = webhooks.load(provider)
    module.verify(delivery, _secrets(delivery.secret))
    stores = Stores.of(Environment)
    names, channel = _names(delivery, module.DELIVERY), f"{provider}/{delivery.secret}".rstrip("/")
    if any(stores.deliveries.done(name, channel) for name in names):
        return 200, {"taken": "before"}
    told = module.read(delivery, now)
    if not told:
        return 200, {"taken": "nothing"}
    if delivery.secret and not all(isinstance(one, GateReported) for one in told):
        raise Refused("webhook.not_allowed", f"who knows the secret {delivery.secret} may report gates only")
    for start in range(0, len(told), TOGETHER):
        stores.bus.publish(*told[start : start + TOGETHER])
    end = int((now + KEPT).timestamp())
    tables.transact([stores.deliveries.remember(name, channel, clock.iso(now), end) for name in names])
    subjects = [one.commit if isinstance(one, (CodePushed, GateReported)) else one.alarm for one in told]
    logger.info("taken", provider=provider, secret=delivery.secret, told=subjects)
    return 202, {"taken": subjects}


def _secrets(name: str) -> tuple[str, ...]:
    """What may have signed it; a secret that does not exist is told to the caller as a forgery is."""
    settings = Environment.current()
    if not name:
        return secrets.rotated(settings.webhook_secret)
    try:
        return secrets.rotated(settings.gate_secrets + name)
    except Refused as unknown:
        raise Refused("webhook.forged", unknown.message) from unknown


def _names(delivery: Delivery, header: str) -> tuple[str, ...]:
    """What the delivery is known by: its body, and the id that the provider gave it, if it gives one."""
    given = delivery.headers.get(header, "") if header else ""
    named = hashlib.sha256(given.encode(errors="replace")).hexdigest()
    return (delivery.digest, f"id-{named}") if given else (delivery.digest,)


def _delivery(request: HttpRequest) -> Delivery:
    """The raw body, decoded before anything else looks at it; and its limit before anything is computed."""
    try:
        body = base64.b64decode(request.body, validate=True) if request.encoded else request.body.encode()
    except ValueError as error:  # binascii's, or text that is no Unicode
        raise Refused("webhook.unknown_shape", "the body cannot be decoded") from error
    if len(body) > LARGEST:
        raise Refused("webhook.too_big", f"{len(body)} bytes; {LARGEST} are allowed")
    secret = request.path.get("secret", "")
    if secret and not NAME.fullmatch(secret):
        raise Refused("webhook.forged", "a secret cannot have such a name")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Delivery(headers, body, hashlib.sha256(body).hexdigest(), secret)
