"""Take the samples that a node pushes: verify whose they are, take each request once, queue it, answer."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from nightshift import clock, envelopes, pushing
from nightshift.aws import queues, secrets, taken_pushes
from nightshift.entry import entry
from nightshift.envelopes import HttpRequest
from nightshift.errors import Refused
from nightshift.settings import Settings

logger = Logger()
#: What a refusal is answered with by HTTP; the reason goes to our log and not to the caller.
STATUS = {
    "push.unreadable": 400,
    "push.forged": 401,
    "push.stale": 401,
    "push.replayed": 409,
    "push.too_big": 413,
}


class Environment(Settings):
    """What node keys are derived from, which requests were taken, and where samples wait."""

    samples_secret: str
    taken_pushes_table: str
    samples_queue_url: str


@entry(logger)
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Answer 202 when the samples are safe in the queue, 4xx for what is refused; an error is a 5xx."""
    request = envelopes.read(HttpRequest, event)
    try:
        status, said = take(request, clock.now())
    except Refused as refused:
        if refused.code not in STATUS:  # our own trouble: the node keeps its samples
            raise
        logger.warning("samples were refused", code=refused.code, reason=refused.message)
        status, said = STATUS[refused.code], {"code": refused.code}
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json"},
        "body": json.dumps(said),
    }


def take(request: HttpRequest, now: datetime) -> tuple[int, dict[str, Any]]:
    """Claim, then queue: what dies between the two has taken nothing; the node signs its next try anew."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    settings = Environment.current()
    package = pushing.verify(headers, _body(request), secrets.lately(settings.samples_secret), now)
    taken_pushes.claim(settings.taken_pushes_table, package)
    queues.send(settings.samples_queue_url, package.model_dump(mode="json"))
    return 202, {"taken": len(package.lines)}


def _body(request: HttpRequest) -> bytes:
    # Before anything is decoded: base64 is a third longer than what it stands for.
    if len(request.body) > pushing.LARGEST * 4 // 3 + 4:
        raise Refused("push.too_big", f"{len(request.body)} characters")
    if not request.encoded:
        return request.body.encode()
    try:
        return base64.b64decode(request.body, validate=True)
    except binascii.Error as error:
        raise Refused("push.unreadable", "the body is not base64") from error
