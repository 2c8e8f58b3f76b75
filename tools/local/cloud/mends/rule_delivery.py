"""EventBridge targets: functions are invoked asynchronously, and what cannot be delivered is kept.

Upstream invokes a function once, without retries, and drops an event whose target is missing even
where the target names a dead-letter queue.
"""

from __future__ import annotations

import contextvars
import json
import logging
from collections.abc import Callable
from typing import Any

from tools.local.cloud import delivery
from tools.local.cloud.config import CloudConfig

_log = logging.getLogger("nightshift.cloud.rules")
_failures: contextvars.ContextVar[list[delivery.NotDelivered] | None] = contextvars.ContextVar(
    "rule_delivery_failures", default=None
)


def apply(_config: CloudConfig) -> None:
    """Replace the dispatch to Lambda, and watch the dispatch to every target."""
    from ministack.services import eventbridge, sqs, stepfunctions

    eventbridge._dispatch_to_lambda = _to_lambda
    eventbridge._dispatch_to_sqs = _existing(eventbridge._dispatch_to_sqs, sqs._queue_by_arn)
    eventbridge._dispatch_to_stepfunctions = _existing(
        eventbridge._dispatch_to_stepfunctions, stepfunctions._resolve_state_machine_arn
    )
    eventbridge._invoke_target = _kept(eventbridge._invoke_target, eventbridge._pattern_event_view)


def _to_lambda(arn: str, payload: str) -> None:
    try:
        delivery.to_function(arn, json.loads(payload))
    except delivery.NotDelivered as error:
        _note(error)


def _existing(dispatch: Callable[..., Any], find: Callable[[str], Any]) -> Callable[..., Any]:
    def to_existing(target: Any, payload: str, *rest: Any) -> None:
        if find(str(target)) is None:
            _note(delivery.NotDelivered("NO_RESOURCE", f"target {target} does not exist"))
        else:
            dispatch(target, payload, *rest)

    return to_existing


def _kept(invoke_target: Callable[..., Any], view_of: Callable[[Any], Any]) -> Callable[..., Any]:
    def to_target(target: dict[str, Any], event: Any, rule: dict[str, Any], view: Any = None) -> None:
        failures: list[delivery.NotDelivered] = []
        token = _failures.set(failures)
        try:
            invoke_target(target, event, rule, view)
        finally:
            _failures.reset(token)
        if failures:
            _count_failure(rule)
            _keep(target, rule, json.dumps((view or view_of(event)).event_with_detail()), failures[0])

    return to_target


def _note(error: delivery.NotDelivered) -> None:
    _log.warning("a rule's target was not reached: %s", error)
    failures = _failures.get()
    if failures is not None:
        failures.append(error)


def _count_failure(rule: dict[str, Any]) -> None:
    from ministack.services import cloudwatch

    dimensions = {"RuleName": str(rule.get("Name", ""))}
    cloudwatch.record_metric("AWS/Events", "FailedInvocations", 1, "Count", dimensions)


def _keep(target: dict[str, Any], rule: dict[str, Any], payload: str, error: delivery.NotDelivered) -> None:
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
