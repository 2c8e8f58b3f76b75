"""Delivering a payload inside the server: to a queue, a topic or a function, by ARN."""

from __future__ import annotations

from typing import Any

from tools.local.cloud.scope import enter_scope


class NotDelivered(Exception):
    """A target that cannot be reached; `code` is what AWS puts in ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def to_queue(arn: str, body: str, attributes: dict[str, str] | None = None) -> None:
    """Send a message with string attributes to the queue `arn`; raises NotDelivered."""
    from ministack.services import sqs

    queue = sqs._queue_by_arn(arn)
    if queue is None:
        raise NotDelivered("NO_RESOURCE", f"queue {arn} does not exist")
    message: dict[str, Any] = {
        "QueueUrl": queue["url"],
        "MessageBody": body,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in (attributes or {}).items()
            if value
        },
    }
    try:
        sqs._HANDLERS["SendMessage"](message, queue["url"])
    except sqs._Err as error:
        raise NotDelivered(error.code, error.message) from error


def to_destination(arn: str, body: str, event: Any) -> None:
    """Send an invocation record to a queue, topic or function; raises NotDelivered."""
    enter_scope()
    service = arn.removeprefix("arn:aws:").partition(":")[0]
    if service == "sqs":
        to_queue(arn, body)
    elif service == "sns":
        from ministack.services import sns

        if sns.publish_internal(arn, body, "Lambda destination") is None:
            raise NotDelivered("NO_RESOURCE", f"topic {arn} does not exist")
    elif service == "lambda":
        to_function(arn, event)
    else:
        raise NotDelivered("SDK_CLIENT_ERROR", f"destination {arn} is not supported here")


def to_function(arn: str, event: Any) -> None:
    """Invoke the function asynchronously; raises NotDelivered if there is none."""
    from ministack.services import lambda_svc

    function, settings, name = lambda_svc._get_func_record_for_ref(arn)
    if not function or not settings:
        raise NotDelivered("NO_RESOURCE", f"function {name} does not exist")
    record = lambda_svc._execution_record_for_config(function, settings)
    lambda_svc.invoke_async_with_retry(record, event)
