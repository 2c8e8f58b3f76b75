"""The function of the contract tests: does what its event asks."""

import json
import os
import sys
import time

import boto3
from shared_code import greeting


def handler(event, context):
    """Keep the event in the table, then fail, sleep, answer a token or return, as asked."""
    if "Records" in event:
        event = json.loads(event["Records"][0]["body"])
    event = event.get("Payload", event)
    ask = event.get("ask") or event.get("detail", {}).get("ask") or {}
    print("asked", json.dumps(ask))  # noqa: T201 - the log is what a test reads
    if ask.get("print"):
        print(ask["print"])  # noqa: T201 - as Powertools prints metrics
    if ask.get("raise"):
        raise LookupError(ask["raise"])
    if ask.get("sleep"):
        time.sleep(ask["sleep"])
    if ask.get("answer"):
        boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output='{"answered": true}')
    if ask.get("environment"):
        own = {"tmp": os.environ["TMPDIR"], "pid": os.getpid()}
        return {"names": sorted(os.environ), "path": sys.path, **own}
    boto3.client("dynamodb").put_item(
        TableName=os.environ["TABLE"],
        Item={"id": {"S": event.get("id", "event")}, "event": {"S": json.dumps(event)}},
    )
    return {"said": greeting(), "prefix": os.environ["PREFIX"], "request": context.aws_request_id}
