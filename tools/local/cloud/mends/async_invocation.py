"""Asynchronous Lambda invocation: throttles wait, failures retry, then every destination hears.

Upstream counts a throttle as a failed attempt, sends dead-letter queues the destination's envelope,
and reports a fixed invoke count. SNS subscriptions do not retry at all.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any

from tools.local.cloud import delivery
from tools.local.cloud.config import CloudConfig
from tools.local.cloud.scope import enter_scope

_log = logging.getLogger("nightshift.cloud.async")
_DEFAULT_RETRIES = 2
_DEFAULT_MAX_AGE_SECONDS = 21_600


@dataclass
class _Outcome:
    request_id: str
    attempts: int
    result: dict[str, Any]
    condition: str


def apply(_config: CloudConfig) -> None:
    """Replace upstream's retry loop, and let SNS use it."""
    from ministack.services import lambda_svc, sns

    lambda_svc.invoke_async_with_retry = invoke

    def deliver_to_lambda(endpoint: str, envelope: str, _topic: str, subscription: str, *_: Any) -> None:
        record = {
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "EventSource": "aws:sns",
            "Sns": json.loads(envelope),
        }
        try:
            delivery.to_function(endpoint, {"Records": [record]})
        except delivery.NotDelivered as error:
            _log.warning("SNS did not reach %s: %s", endpoint, error)

    sns._deliver_to_lambda = deliver_to_lambda


def invoke(function: dict[str, Any], event: Any) -> None:
    """Queue one asynchronous invocation and return at once."""
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(_run, function, event), daemon=True).start()


def _settings(function: dict[str, Any]) -> dict[str, Any]:
    by_qualifier = function.get("event_invoke_configs") or {}
    found = function.get("event_invoke_config") or by_qualifier.get("$LATEST") or {}
    return dict(found)


def _run(function: dict[str, Any], event: Any) -> None:
    enter_scope()
    settings = _settings(function)
    outcome = _attempt_until_settled(function, event, settings)
    destinations = settings.get("DestinationConfig") or {}
    side = "OnSuccess" if outcome.condition == "Success" else "OnFailure"
    target = (destinations.get(side) or {}).get("Destination")
    try:
        if target:
            record = _record(function, event, outcome)
            delivery.to_destination(target, json.dumps(record), record)
        if outcome.condition != "Success":
            _dead_letter(function, event, outcome)
    except delivery.NotDelivered as error:
        _log.error("%s: a failed event is lost: %s", function["config"]["FunctionName"], error)


def _attempt_until_settled(function: dict[str, Any], event: Any, settings: dict[str, Any]) -> _Outcome:
    from ministack.services import lambda_svc

    base = float(lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS)
    ceiling = float(lambda_svc._LAMBDA_ASYNC_RETRY_MAX_SECONDS)
    retries = settings.get("MaximumRetryAttempts")
    retries = _DEFAULT_RETRIES if retries is None else int(retries)
    oldest = time.monotonic() + float(settings.get("MaximumEventAgeInSeconds") or _DEFAULT_MAX_AGE_SECONDS)
    request_id = str(uuid.uuid4())
    attempts = 0
    pause = base
    while True:
        result = lambda_svc._execute_function(function, event)
        # A throttled event stays in the queue: only the handler's own failures are attempts.
        attempts += 0 if result.get("throttle") else 1
        if not result.get("error"):
            return _Outcome(request_id, attempts, result, "Success")
        if attempts > retries:
            return _Outcome(request_id, attempts, result, "RetriesExhausted")
        if time.monotonic() + pause > oldest:
            return _Outcome(request_id, attempts, result, "EventAgeExceeded")
        time.sleep(pause)
        pause = min(pause * 2, ceiling)


def _record(function: dict[str, Any], event: Any, outcome: _Outcome) -> dict[str, Any]:
    failed = outcome.condition != "Success"
    context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
    if failed:
        context["functionError"] = "Unhandled"
    return {
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        "requestContext": {
            "requestId": outcome.request_id,
            "functionArn": f"{function['config']['FunctionArn']}:$LATEST",
            "condition": outcome.condition,
            "approximateInvokeCount": outcome.attempts,
        },
        "requestPayload": event,
        "responseContext": context,
        "responsePayload": outcome.result.get("body"),
    }


def _dead_letter(function: dict[str, Any], event: Any, outcome: _Outcome) -> None:
    target = (function["config"].get("DeadLetterConfig") or {}).get("TargetArn")
    if not target:
        return
    body = outcome.result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else str(body)
    if ":sqs:" in target:
        attributes = {"RequestID": outcome.request_id, "ErrorCode": "200", "ErrorMessage": message[:1024]}
        delivery.to_queue(target, json.dumps(event), attributes)
    else:
        delivery.to_destination(target, json.dumps(event), event)
