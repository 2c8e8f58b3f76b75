"""EventBridge targets: functions are invoked asynchronously, and what cannot be delivered is kept.

Upstream invokes a function once, without retries, and drops an event whose target is missing even
where the target names a dead-letter queue.
"""

from __future__ import annotations

import contextvars
import json
import logging
from typing import Any

from tools.local.cloud import delivery
from tools.local.cloud.config import CloudConfig

_log = logging.getLogger("nightshift.cloud.rules")
_failure: contextvars.ContextVar[list[delivery.NotDelivered] | None] = contextvars.ContextVar(
    "rule_delivery_failure", default=None
)


def apply(_config: CloudConfig) -> None:
    """Replace the dispatch to Lambda and wrap the dispatch to any target."""
    from ministack.services import eventbridge, sqs, stepfunctions

    invoke_target = eventbridge._invoke_target
    dispatch_sqs = eventbridge._dispatch_to_sqs
    dispatch_sfn = eventbridge._dispatch_to_stepfunctions

    def to_lambda(arn: str, payload: str) -> None:
        try:
            delivery.to_function(arn, json.loads(payload))
        except delivery.NotDelivered as error:
            _note(error)

    def to_sqs(spec: Any, payload: str, parameters: Any = None) -> None:
        if sqs._queue_by_arn(str(spec)) is None:
            _note(delivery.NotDelivered("NO_RESOURCE", f"queue {spec} does not exist"))
            return
        dispatch_sqs(spec, payload, parameters)

    def to_stepfunctions(arn: str, payload: str) -> None:
        if stepfunctions._resolve_state_machine_arn(arn) is None:
            _note(delivery.NotDelivered("NO_RESOURCE", f"state machine {arn} does not exist"))
            return
        dispatch_sfn(arn, payload)

    def to_target(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        failures: list[delivery.NotDelivered] = []
        token = _failure.set(failures)
        try:
            invoke_target(target, event, rule, view)
        finally:
            _failure.reset(token)
        if failures:
            view = view or eventbridge._pattern_event_view(event)
            _keep(target, rule, json.dumps(view.event_with_detail()), failures[0])

    eventbridge._dispatch_to_lambda = to_lambda
    eventbridge._dispatch_to_sqs = to_sqs
    eventbridge._dispatch_to_stepfunctions = to_stepfunctions
    eventbridge._invoke_target = to_target


def _note(error: delivery.NotDelivered) -> None:
    _log.warning("a rule's target was not reached: %s", error)
    failures = _failure.get()
    if failures is not None:
        failures.append(error)


def _keep(
    target: dict[str, Any], rule: dict[str, Any], payload: str, error: delivery.NotDelivered
) -> None:
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    attributes = {
        "RULE_ARN": str(rule.get("Arn", "")),
        "TARGET_ARN": str(target.get("Arn", "")),
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
    }
    try:
        delivery.to_queue(queue, payload, attributes)
    except delivery.NotDelivered as lost:
        _log.error("rule %s: an event is lost: %s", rule.get("Name"), lost)
